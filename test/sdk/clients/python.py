"""Calls Sluice with the unmodified SDK of OpenAI, and with LangChain. Prints one line of JSON."""
import json
import os
import time

import openai
from langchain_openai import ChatOpenAI

base_url, api_key = os.environ["SLUICE_URL"] + "/v1", os.environ["SLUICE_KEY"]
client = openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0)
hello = [{"role": "user", "content": "Hello"}]


def error_of(call):
    try:
        call()
    except openai.APIStatusError as error:
        return [type(error).__name__, error.code, error.param, error.type]
    return None


background = client.responses.create(model="gpt", input="Hello", background=True)
status = background.status
while background.status in ("queued", "in_progress"):
    time.sleep(0.1)
    background = client.responses.retrieve(background.id)
stream = client.chat.completions.create(model="gpt", messages=hello, stream=True)

print(
    json.dumps(
        {
            "models": [model.id for model in client.models.list()],
            "chat": client.chat.completions.create(model="gpt", messages=hello).choices[0].message.content,
            "stream": "".join(chunk.choices[0].delta.content or "" for chunk in stream),
            "response": client.responses.create(model="gpt", input="Hello").output_text,
            "background": [status, background.status, background.output_text],
            "completion": client.completions.create(model="gpt", prompt="Once").choices[0].text,
            "embedding": client.embeddings.create(model="gpt", input="a").data[0].embedding,
            "langchain": ChatOpenAI(model="gpt", base_url=base_url, api_key=api_key).invoke("Hello").content,
            "errors": [
                error_of(lambda: client.chat.completions.create(model="nope", messages=hello)),
                error_of(lambda: client.chat.completions.create(model="plain", messages=hello, n=2)),
                error_of(lambda: client.responses.cancel(background.id)),
                error_of(lambda: openai.OpenAI(base_url=base_url, api_key="x", max_retries=0).models.list()),
            ],
        }
    )
)
