"""Calls LangChain's models, and prints their answers as one line of JSON."""
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from sluice import API_KEY, BASE_URL, tell

known = {"base_url": BASE_URL, "api_key": API_KEY}
chat = ChatOpenAI(model="gpt", **known)


def weather(city: str) -> str:
    """The weather of a city."""
    return city


embeddings = OpenAIEmbeddings(model="gpt", check_embedding_ctx_length=False, **known)
tell(
    {
        "chat": chat.invoke("Hello").content,
        "stream": "".join(chunk.content for chunk in chat.stream("Hello")),
        "plain": ChatOpenAI(model="plain", **known).invoke("Hello").content,
        "response": ChatOpenAI(model="gpt", use_responses_api=True, **known).invoke("Hello").text,
        "tools": [call["name"] for call in chat.bind_tools([weather]).invoke("Weather?").tool_calls],
        "embedding": embeddings.embed_query("a"),
    }
)
