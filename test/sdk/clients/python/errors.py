"""Causes each error that has its own class in the SDK, and prints the errors as one line of JSON."""
import os

import openai
from sluice import BASE_URL, client, error_of, says, tell, told, until

sluice = client()
hello = says("Hello")
create = sluice.chat.completions.create
key = {"Idempotency-Key": "one"}

done = sluice.responses.create(model="gpt", input="Hello")
create(model="gpt", messages=hello, extra_headers=key)

tell(
    [
        told(error_of(lambda: openai.OpenAI(base_url=BASE_URL, api_key="x", max_retries=0).models.list())),
        told(error_of(lambda: create(model="nope", messages=hello))),
        told(error_of(lambda: sluice.responses.retrieve(os.environ["FOREIGN_ID"]))),
        told(error_of(lambda: create(model="plain", messages=hello, n=2))),
        told(error_of(lambda: create(model="gpt", messages=[{"role": "nobody", "content": "x"}]))),
        told(error_of(lambda: sluice.responses.create(model="gpt", input="x", previous_response_id="resp_1"))),
        told(error_of(lambda: create(model="vectors", messages=hello))),
        told(error_of(lambda: sluice.responses.cancel(done.id))),
        told(error_of(lambda: create(model="gpt", messages=says("another"), extra_headers=key))),
        told(error_of(lambda: create(model="gpt", messages=says("break this")))),
    ]
)
