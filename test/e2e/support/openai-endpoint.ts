import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'

type Body = Readonly<Record<string, unknown>>

/** A call that the endpoint received. */
export interface OpenAiEndpointCall {
  readonly path: string
  readonly body: Body
}

export interface OpenAiEndpoint {
  readonly url: string
  readonly calls: readonly OpenAiEndpointCall[]
  /** Lets calls whose body contains this text wait until `release`. */
  hold(text: string): { release(): void }
  /** Sets the answer to calls whose body contains this text. */
  refuse(text: string, status: number, body: unknown): void
  close(): void
}

const USAGE = { prompt_tokens: 100, completion_tokens: 20, total_tokens: 120 }
const RESPONSE_USAGE = {
  input_tokens: 100,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 20,
  output_tokens_details: { reasoning_tokens: 5 },
  total_tokens: 120,
}
const CALL = { name: 'weather', arguments: '{"city":"Wien"}' }

/** The answer of each operation: a call of a tool if the body has tools, and otherwise a text. */
const ANSWERS: Readonly<Record<string, (body: Body) => unknown>> = {
  '/chat/completions': ({ tools, n }) => ({
    id: 'chatcmpl-theirs',
    object: 'chat.completion',
    created: 1,
    model: 'gpt-5-mini-2026',
    system_fingerprint: 'fp_1',
    choices: Array.from({ length: typeof n === 'number' ? n : 1 }, (_, index) => ({
      index,
      finish_reason: tools ? 'tool_calls' : 'stop',
      logprobs: null,
      message: tools
        ? { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: CALL }] }
        : { role: 'assistant', content: 'said by chat' },
    })),
    usage: USAGE,
  }),
  '/completions': ({ prompt }) => ({
    id: 'cmpl-theirs',
    object: 'text_completion',
    created: 1,
    model: 'gpt-5-mini-2026',
    choices: [prompt].flat().map((_, index) => ({ index, text: 'completed', finish_reason: 'stop', logprobs: null })),
    usage: USAGE,
  }),
  '/embeddings': ({ input, encoding_format: encoding }) => ({
    object: 'list',
    model: 'embed',
    data: (Array.isArray(input) ? input : [input]).map((_, index) => {
      const vector = [index, 0.5, -0.25]
      const bytes = Buffer.from(new Float32Array(vector).buffer)
      return { object: 'embedding', index, embedding: encoding === 'base64' ? bytes.toString('base64') : vector }
    }),
    usage: { prompt_tokens: 8, total_tokens: 8 },
  }),
  '/responses': ({ tools }) => ({
    id: 'resp_theirs',
    object: 'response',
    created_at: 1,
    status: 'completed',
    model: 'gpt-5-mini-2026',
    error: null,
    output: tools
      ? [{ id: 'fc_1', type: 'function_call', call_id: 'call_1', status: 'completed', ...CALL }]
      : [
          {
            id: 'msg_1',
            type: 'message',
            role: 'assistant',
            status: 'completed',
            content: [{ type: 'output_text', text: 'said by responses', annotations: [] }],
          },
        ],
    usage: RESPONSE_USAGE,
  }),
}

const PLAIN: typeof ANSWERS = {
  '/plain': ({ input }) => ({ result: { echo: input }, usage: { total_tokens: 9 } }),
  '/vectors': ({ input }) => ({
    vectors: (Array.isArray(input) ? input : [input]).map((_, index) => [index, 0.5, -0.25]),
    usage: { total_tokens: 4 },
  }),
}

/**
 * Starts an endpoint with the OpenAI API at `/v1`, and with a part of this API at `/chat-only/v1` and `/responses-only/v1`. A text such as
 * `take 4000 ms` in a body sets the time until the answer. Clients in other processes use this text, because they can't call `hold`.
 */
export async function startOpenAiEndpoint(): Promise<OpenAiEndpoint> {
  const calls: OpenAiEndpointCall[] = []
  const held = new Map<string, Promise<void>>()
  const refused = new Map<string, { status: number; body: unknown }>()
  const server = createServer(async (request, response) => {
    const path = request.url ?? ''
    const body = (await json(request)) as Body
    calls.push({ path, body })
    const text = JSON.stringify(body)
    for (const [mark, released] of held) if (text.includes(mark)) await released
    const [, takes] = /take (\d+) ms/.exec(text) ?? []
    if (takes !== undefined) await setTimeout(Number(takes))
    const answer = [...refused].find(([mark]) => text.includes(mark))?.[1] ?? respond(path, body)
    response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.body))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    hold: text => {
      const { promise, resolve } = Promise.withResolvers<void>()
      held.set(text, promise)
      return { release: resolve }
    },
    refuse: (text, status, body) => void refused.set(text, { status, body }),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

function respond(path: string, body: Body): { status: number; body: unknown } {
  const plain = PLAIN[path]
  if (plain) return { status: 200, body: plain(body) }
  const [, part = '', operation = ''] = /^(?:\/([a-z]+)-only)?\/v1(\/.+)$/.exec(path) ?? []
  const answer = ANSWERS[operation]
  if (!answer || !operation.startsWith(`/${part}`)) return { status: 404, body: { error: { message: 'no such path' } } }
  return { status: 200, body: answer(body) }
}
