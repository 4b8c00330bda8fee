"""Makes 200 responses in parallel. Prints the number of admitted responses and the errors of the others as one line of JSON."""
import asyncio
from collections import Counter

import openai
from sluice import API_KEY, BASE_URL, tell


async def main():
    sluice = openai.AsyncOpenAI(base_url=BASE_URL, api_key=API_KEY, max_retries=0)
    calls = [sluice.responses.create(model="plain", input="x", background=True) for _ in range(200)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    refused = [answer for answer in answers if isinstance(answer, Exception)]
    codes = Counter(f"{type(error).__name__} {getattr(error, 'code', error)}" for error in refused)
    tell({"admitted": len(answers) - len(refused), "refused": codes})


asyncio.run(main())
