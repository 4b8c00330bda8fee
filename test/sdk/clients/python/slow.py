"""Chats with a model that takes a minute, with and without an Idempotency-Key, and prints one line of JSON."""
from concurrent.futures import ThreadPoolExecutor

from sluice import client, error_of, says, tell, told

sluice = client(max_retries=4)
create = sluice.chat.completions.create
slow = {"model": "gpt", "messages": says("take 60000 ms")}

with ThreadPoolExecutor() as threads:
    keyed = threads.submit(lambda: create(**slow, extra_headers={"Idempotency-Key": "slow"}))
    unkeyed = threads.submit(lambda: error_of(lambda: create(**slow)))
    failed = unkeyed.result()
    answer = keyed.result()

later = client(max_retries=4).chat.completions.retrieve(failed.request_id)
tell(
    {
        "keyed": answer.choices[0].message.content,
        "unkeyed": told(failed),
        "retry": failed.response.headers["x-should-retry"],
        "later": later.choices[0].message.content,
    }
)
