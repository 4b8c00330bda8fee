// Calls Sluice with the Vercel AI SDK and with LangChain. Prints one line of JSON.
import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { ChatOpenAI } from '@langchain/openai'
import { embed, generateText, streamText } from 'ai'

const baseURL = `${process.env.SLUICE_URL}/v1`
const apiKey = process.env.SLUICE_KEY
const sluice = createOpenAICompatible({ name: 'sluice', baseURL, apiKey })
const langchain = new ChatOpenAI({ model: 'gpt', apiKey, configuration: { baseURL } })

const { text } = await generateText({ model: sluice('gpt'), prompt: 'Hello' })
const streamed = await streamText({ model: sluice('gpt'), prompt: 'Hello' }).text
const { embedding } = await embed({ model: sluice.textEmbeddingModel('gpt'), value: 'a' })
const { content } = await langchain.invoke('Hello')
process.stdout.write(`${JSON.stringify({ text, streamed, embedding, langchain: content })}\n`)
