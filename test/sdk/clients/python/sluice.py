"""The functions that the scripts of this folder share. They use the unmodified SDK of OpenAI as a user of Sluice."""
import json
import os
import time

import openai

BASE_URL = os.environ["SLUICE_URL"] + "/v1"
API_KEY = os.environ["SLUICE_KEY"]


def client(max_retries=0, **more):
    return openai.OpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=max_retries, **more)


def says(text):
    return [{"role": "user", "content": text}]


def until(look, is_done):
    """Repeats a call until its answer is the wanted one."""
    while not is_done(seen := look()):
        time.sleep(0.1)
    return seen


def error_of(call):
    try:
        call()
    except openai.APIStatusError as error:
        return error
    raise AssertionError("the call has not failed")


def told(error):
    """Returns the class of an error, its status, and its fields in OpenAI's format."""
    assert error.body["message"]
    return [type(error).__name__, error.status_code, error.type, error.param, error.code]


def tell(value):
    print(json.dumps(value))
