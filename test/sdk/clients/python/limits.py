"""Exceeds the limit of requests in flight, and prints the retries of the SDK as one line of JSON."""
import time

import openai
from sluice import client, error_of, tell, told

answers = []


def note(response):
    waits = float(response.headers.get("retry-after", 0))
    answers.append({"status": response.status_code, "at": time.monotonic(), "waits": waits})


noting = openai.DefaultHttpxClient(event_hooks={"response": [note]})
sluice = client(max_retries=8, http_client=noting)
sluice.responses.create(model="gpt", input="take 4000 ms", background=True)
full = told(error_of(lambda: client().responses.create(model="gpt", input="Hello", background=True)))
answers.clear()
second = sluice.responses.create(model="gpt", input="Hello", background=True)

refused = answers[:-1]
pairs = list(zip(answers, answers[1:]))
tell(
    {
        "full": full,
        "statuses": sorted({answer["status"] for answer in refused}),
        "waits": [0 < answer["waits"] <= 30 for answer in refused].count(False),
        "early": [after["at"] - before["at"] >= before["waits"] for before, after in pairs].count(False),
        "second": second.status,
    }
)
