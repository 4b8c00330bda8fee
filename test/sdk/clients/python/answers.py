"""Calls each operation, and prints the answers as one line of JSON."""
from sluice import client, says, tell, until

sluice = client()
PIXEL = "data:image/png;base64,iVBORw0KGgo="
WEATHER = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


def chat(model, messages, **more):
    return sluice.chat.completions.create(model=model, messages=messages, **more).choices[0].message


def streamed(model):
    chunks = sluice.chat.completions.create(model=model, messages=says("Hello"), stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def in_background(model):
    begun = sluice.responses.create(model=model, input="Hello", background=True)
    ended = until(lambda: sluice.responses.retrieve(begun.id), lambda now: now.status not in ("queued", "in_progress"))
    return [begun.status, ended.status, ended.output_text, ended.usage.total_tokens > 0, ended.id == begun.id]


def cancelled(is_running):
    """Cancels a queued or a running response. The model `serial` runs one call at a time, so the second response stays queued."""
    first = sluice.responses.create(model="serial", input="take 4000 ms", background=True)
    until(lambda: sluice.responses.retrieve(first.id), lambda now: now.status == "in_progress")
    if is_running:
        said = sluice.responses.cancel(first.id).status
        return [said, until(lambda: sluice.responses.retrieve(first.id), lambda now: now.status != "in_progress").status]
    second = sluice.responses.create(model="serial", input="Hello", background=True)
    seen = sluice.responses.retrieve(second.id).status
    return [seen, sluice.responses.cancel(second.id).status, sluice.responses.retrieve(second.id).status]


def embeddings(model, given):
    return [one.embedding for one in sluice.embeddings.create(model=model, input=given).data]


def response_stream():
    with sluice.responses.stream(model="gpt", input="Hello") as stream:
        types = [event.type for event in stream]
        return [types[0], types[-1], stream.get_final_response().output_text]


image = [{"type": "text", "text": "What is it?"}, {"type": "image_url", "image_url": {"url": PIXEL}}]
turns = [{"role": "system", "content": "Be short."}, *says("Hi"), {"role": "assistant", "content": "Hello"}, *says("Bye")]
tools = [{"type": "function", "function": WEATHER}]
posted = sluice.responses.create(model="text", input="Vienna is a lovely city.")

tell(
    {
        "models": [model.id for model in sluice.models.list()],
        "model": sluice.models.retrieve("gpt").id,
        "chat": chat("gpt", says("Hello")).content,
        "turns": chat("plain", turns).content,
        "image": chat("gpt", says(image)).content,
        "tools": [call.function.name for call in chat("gpt", says("Weather?"), tools=tools).tool_calls],
        "streams": [streamed("gpt"), streamed("plain")],
        "bundled": ["sentiment" in chat("text", says("Lovely.")).content, "sentiment" in posted.output_text],
        "response": sluice.responses.create(model="gpt", input="Hello").output_text,
        "response stream": response_stream(),
        "background": [in_background("gpt"), in_background("chat-only")],
        "cancelled": {"queued": cancelled(False), "running": cancelled(True)},
        "completion": sluice.completions.create(model="gpt", prompt="Once").choices[0].text,
        "embeddings": [embeddings("gpt", "a"), embeddings("gpt", ["a", "b"]), embeddings("vectors", ["a", "b"])],
        "id": posted.id,
    }
)
