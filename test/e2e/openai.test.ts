import OpenAI, {
  AuthenticationError,
  BadRequestError,
  ConflictError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
  UnprocessableEntityError,
} from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { newKey } from '../../functions/core/stores/access/key.ts'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { showQuota } from '../../lib/cli/operations/quota.ts'
import { showRequest } from '../../lib/cli/operations/requests.ts'
import { setUser } from '../../lib/cli/operations/users.ts'
import { eventually } from './support/eventually.ts'
import { ledgerRows } from './support/ledger.ts'
import { type OpenAiEndpoint, startOpenAiEndpoint } from './support/openai-endpoint.ts'
import { fixture, type RunningSystem, startSystem } from './support/system.ts'

let endpoint: OpenAiEndpoint
let system: RunningSystem

beforeAll(async () => {
  endpoint = await startOpenAiEndpoint()
  system = await startSystem({ SLUICE_CONFIG: fixture('openai.yaml'), OPENAI_URL: endpoint.url })
})

afterAll(async () => {
  await system?.stop()
  endpoint?.close()
})

let users = 0

/** Creates a user with a key, an SDK client of this user, and a client of Sluice's own API for this user. */
async function aUser({ plan = 'free', maxRetries = 0 } = {}) {
  const user = `sdk-${++users}`
  await setUser(system.admin, user, { plan })
  const { created } = await createKey(system.admin, { user })
  const client = system.client(created.key)
  const sdk = new OpenAI({ baseURL: `${system.apiUrl}/v1`, apiKey: created.key, maxRetries })
  return { user, client, sdk }
}

const WEATHER = {
  name: 'weather',
  description: 'the weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } } },
}
const PIXEL = 'data:image/png;base64,iVBORw0KGgo='

/** The body of the last call that the endpoint got at a path. */
const lastCall = (path: string) => endpoint.calls.findLast(call => call.path === path)?.body

/** Returns the error with which a call of the SDK fails. */
async function errorOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof OpenAI.APIError)) throw new Error(`this is no error of the API: ${String(error)}`)
  return error
}

test("the SDK lists the models of the user's plan, and reads each model by its name", async () => {
  const { sdk } = await aUser()

  const models = await sdk.models.list()

  expect(models.data.map(({ id }) => id)).toEqual(['gpt', 'chat-only', 'responses-only', 'plain', 'text'])
  expect(await sdk.models.retrieve('gpt')).toMatchObject({ id: 'gpt', object: 'model' })
  await expect(sdk.models.retrieve('vectors')).rejects.toThrow(NotFoundError)
})

describe('chat completions', () => {
  test('a chat completion is passed to the endpoint unchanged, except that the field model has the name of the model at the endpoint', async () => {
    const { sdk, client } = await aUser()
    const body = {
      messages: [
        { role: 'system' as const, content: 'Be short.' },
        { role: 'user' as const, content: 'Hello' },
        { role: 'assistant' as const, content: 'Hi' },
        { role: 'user' as const, content: [{ type: 'text' as const, text: 'What is it?' }, image()] },
      ],
      temperature: 0.3,
      logit_bias: { 50256: -100 },
    }

    const answer = await sdk.chat.completions.create({ model: 'gpt', ...body, metadata: { ticket: '7' } })

    expect(lastCall('/v1/chat/completions')).toEqual({ model: 'gpt-5-mini', ...body })
    expect(answer.choices[0]?.message.content).toBe('said by chat')
    expect(answer).toMatchObject({ object: 'chat.completion', model: 'gpt', usage: { total_tokens: 120 } })
    const view = await client.ended(answer.id)
    expect(view).toMatchObject({ status: 'completed', model: 'gpt', metadata: { ticket: '7' } })
    expect((await sdk.chat.completions.retrieve(answer.id)).choices).toEqual(answer.choices)
  })

  const image = () => ({ type: 'image_url' as const, image_url: { url: PIXEL } })

  test('a chat completion contains the tool calls that the model asks for', async () => {
    const { sdk } = await aUser()

    for (const model of ['gpt', 'responses-only']) {
      const answer = await sdk.chat.completions.create({
        model,
        messages: [{ role: 'user', content: 'Weather?' }],
        tools: [{ type: 'function', function: WEATHER }],
      })

      expect(answer.choices[0]).toMatchObject({
        finish_reason: 'tool_calls',
        message: { tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather' } }] },
      })
    }
  })

  test('a chat completion is answered as a stream of one chunk if the client asks for a stream', async () => {
    const { sdk } = await aUser()

    const stream = await sdk.chat.completions.create({
      model: 'gpt',
      messages: [{ role: 'user', content: 'Hello' }],
      stream: true,
      stream_options: { include_usage: true },
    })

    const chunks = []
    for await (const chunk of stream) chunks.push(chunk)
    expect(chunks).toHaveLength(1)
    expect(chunks[0]).toMatchObject({
      object: 'chat.completion.chunk',
      choices: [{ delta: { role: 'assistant', content: 'said by chat' }, finish_reason: 'stop' }],
      usage: { total_tokens: 120 },
    })
    expect(lastCall('/v1/chat/completions')).not.toHaveProperty('stream')
  })

  test('a chat completion works with a model without a provider: the request mapping gets the texts of the messages as the prompt', async () => {
    const { sdk } = await aUser()

    const answer = await sdk.chat.completions.create({
      model: 'plain',
      messages: [
        { role: 'system', content: 'Be short.' },
        { role: 'user', content: [{ type: 'text', text: 'Hello' }] },
      ],
      temperature: 0.5,
    })

    expect(lastCall('/plain')).toEqual({ input: 'Be short.\n\nHello', temperature: 0.5 })
    expect(answer.choices[0]?.message.content).toBe('{"echo":"Be short.\\n\\nHello"}')
    expect(answer.usage?.total_tokens).toBe(9)
  })

  test('a chat completion works with the model that Sluice brings with it', async () => {
    const { sdk } = await aUser()

    const answer = await sdk.chat.completions.create({
      model: 'text',
      messages: [{ role: 'user', content: 'Vienna is a lovely city.' }],
    })

    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toHaveProperty('sentiment')
  })
})

test('a completion works with a list of prompts, and with a model without a provider, and a later read has the answers to all prompts', async () => {
  const { sdk } = await aUser()

  const passed = await sdk.completions.create({ model: 'gpt', prompt: ['Once', 'Twice'], max_tokens: 5 })
  const plain = await sdk.completions.create({ model: 'plain', prompt: 'Once upon' })

  expect(passed.choices.map(({ text }) => text)).toEqual(['completed', 'completed'])
  expect(lastCall('/v1/completions')).toEqual({ model: 'gpt-5-mini', prompt: ['Once', 'Twice'], max_tokens: 5 })
  expect(plain.choices[0]?.text).toBe('{"echo":"Once upon"}')
  expect(await sdk.chat.completions.retrieve(passed.id)).toMatchObject(passed)
  expect((await sdk.responses.retrieve(passed.id)).output_text).toBe('completedcompleted')
  expect((await sdk.chat.completions.retrieve(plain.id)).choices[0]?.message.content).toBe('{"echo":"Once upon"}')
})

describe('embeddings', () => {
  test('embeddings of one text or of a list of texts can come from an endpoint with embeddings, or from a response mapping', async () => {
    const { sdk } = await aUser({ plan: 'hundred' })

    for (const model of ['gpt', 'vectors']) {
      const one = await sdk.embeddings.create({ model, input: 'a' })
      const two = await sdk.embeddings.create({ model, input: ['a', 'b'], encoding_format: 'float' })

      expect(one.data.map(({ embedding }) => embedding)).toEqual([[0, 0.5, -0.25]])
      expect(two.data.map(({ embedding }) => embedding)).toEqual([
        [0, 0.5, -0.25],
        [1, 0.5, -0.25],
      ])
      expect(two.usage.total_tokens).toBe(model === 'gpt' ? 8 : 4)
    }
  })

  test('embeddings can be read later as a list with the name of the model in pipeline.yaml', async () => {
    const { sdk, client } = await aUser({ plan: 'hundred' })

    for (const model of ['gpt', 'vectors']) {
      const body = { model, input: ['a', 'b'], encoding_format: 'float' as const }
      const { data, response } = await sdk.embeddings.create(body).withResponse()

      const read = await client.send('GET', `/v1/chat/completions/${response.headers.get('x-request-id')}`)
      expect(read.body).toEqual(data)
    }
  })

  test('a call for embeddings is refused and not charged if the model does not make embeddings', async () => {
    const { sdk, client } = await aUser()

    const error = await errorOf(sdk.embeddings.create({ model: 'text', input: 'a' }))

    expect(error).toBeInstanceOf(BadRequestError)
    expect(error).toMatchObject({ param: 'model', code: 'unsupported_parameter' })
    expect(await client.quota()).toMatchObject({ requests: { used: 0 } })
  })
})

describe('responses', () => {
  test.for([
    ['gpt', 'said by responses', '/v1/responses'],
    ['responses-only', 'said by responses', '/responses-only/v1/responses'],
    ['chat-only', 'said by chat', '/chat-only/v1/chat/completions'],
    ['plain', '{"echo":"Be short.\\n\\nHello"}', '/plain'],
  ] as const)('a response of the model %s has the text that the model has answered', async ([model, text, path]) => {
    const { sdk } = await aUser()

    const response = await sdk.responses.create({ model, instructions: 'Be short.', input: 'Hello' })

    expect(response).toMatchObject({ status: 'completed', output_text: text, model, error: null, background: false })
    expect(lastCall(path)).toBeDefined()
  })

  test('a response with tools and an image is translated for an endpoint that has only chat completions', async () => {
    const { sdk } = await aUser()

    const response = await sdk.responses.create({
      model: 'chat-only',
      input: [
        {
          role: 'user',
          content: [
            { type: 'input_text', text: 'What is it?' },
            { type: 'input_image', image_url: PIXEL, detail: 'low' },
          ],
        },
      ],
      tools: [{ type: 'function', strict: true, ...WEATHER }],
      max_output_tokens: 50,
    })

    expect(response).toMatchObject({ max_output_tokens: 50, tools: [{ type: 'function', name: 'weather' }] })
    expect((await sdk.responses.retrieve(response.id)).background).toBeNull()
    expect(lastCall('/chat-only/v1/chat/completions')).toEqual({
      model: 'chat-only',
      messages: [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is it?' },
            { type: 'image_url', image_url: { url: PIXEL, detail: 'low' } },
          ],
        },
      ],
      tools: [{ type: 'function', function: { strict: true, ...WEATHER } }],
      max_completion_tokens: 50,
    })
    expect(response.output).toMatchObject([{ type: 'function_call', call_id: 'call_1', name: 'weather' }])
    expect(response.usage).toMatchObject({ input_tokens: 100, output_tokens: 20, total_tokens: 120 })
  })

  test('a response in the background can be polled until it has completed, through each API and by the operator', async () => {
    const { sdk, client } = await aUser()

    const begun = await sdk.responses.create({ model: 'gpt', input: 'Hello', background: true })
    expect(begun).toMatchObject({ status: 'queued', background: true, output: [] })
    const ended = await eventually(async () => {
      const now = await sdk.responses.retrieve(begun.id)
      expect(now.status).toBe('completed')
      return now
    })

    expect(ended).toMatchObject({ id: begun.id, output_text: 'said by responses' })
    expect(ended.usage?.output_tokens_details.reasoning_tokens).toBe(5)
    for (const id of [begun.id, `resp_${begun.id}`, `chatcmpl-${begun.id}`])
      expect((await client.send('GET', `/v1/inference/${id}`)).body).toMatchObject({ request_id: begun.id })
    expect(await showRequest(system.admin, begun.id)).toMatchObject({ request_id: begun.id, status: 'completed' })
    const listed = (await client.send('GET', '/v1/inference')).body.requests
    expect(listed).toMatchObject([{ request_id: begun.id }])
  })

  test('a response can be read with the SDK even if its request was posted to the inference API', async () => {
    const { sdk, client } = await aUser()
    const id = await client.submit({ prompt: 'Hello', model: 'plain' })
    await client.ended(id)

    expect(await sdk.responses.retrieve(id)).toMatchObject({ status: 'completed', output_text: '{"echo":"Hello"}' })
  })

  test('a response is answered as a stream of events if the client asks for a stream', async () => {
    const { sdk } = await aUser()

    const stream = sdk.responses.stream({ model: 'gpt', input: 'Hello' })
    const types: string[] = []
    for await (const { type } of stream) types.push(type)

    expect(types).toEqual(expect.arrayContaining(['response.created', 'response.output_text.delta']))
    expect(types.at(-1)).toBe('response.completed')
    expect((await stream.finalResponse()).output_text).toBe('said by responses')
  })

  test('a response that is cancelled while it is queued ends at once and is not charged', async () => {
    const { sdk, client } = await aUser({ plan: 'hundred' })
    const held = endpoint.hold('hold the only call')
    const first = await sdk.responses.create({ model: 'serial', input: 'hold the only call', background: true })
    await eventually(async () => expect((await sdk.responses.retrieve(first.id)).status).toBe('in_progress'))
    const second = await sdk.responses.create({ model: 'serial', input: 'Hello', background: true })
    expect((await sdk.responses.retrieve(second.id)).status).toBe('queued')

    expect(await sdk.responses.cancel(second.id)).toMatchObject({ id: second.id, status: 'cancelled', output: [] })
    expect((await sdk.responses.cancel(second.id)).status).toBe('cancelled')

    expect(await client.ended(second.id)).toMatchObject({ status: 'cancelled', attempts: 0, charged: { requests: 0 } })
    held.release()
    expect(await client.ended(first.id)).toMatchObject({ status: 'completed' })
    expect(await client.settledQuota()).toMatchObject({ requests: { used: 1 }, tokens: { used: 120 } })
  })

  test('a response can be cancelled while it runs, but not when it has ended', async () => {
    const { sdk, client } = await aUser()
    const held = endpoint.hold('hold the response')
    const running = await sdk.responses.create({ model: 'gpt', input: 'hold the response', background: true })
    await eventually(async () => expect((await sdk.responses.retrieve(running.id)).status).toBe('in_progress'))

    const cancelled = await sdk.responses.cancel(running.id)
    expect(cancelled).toMatchObject({ id: running.id, status: 'cancelled' })
    expect(await sdk.responses.retrieve(running.id)).toMatchObject(cancelled)
    held.release()
    expect(await client.ended(running.id)).toMatchObject({ status: 'cancelled' })
    expect((await sdk.responses.retrieve(running.id)).status).toBe('cancelled')

    const done = await sdk.responses.create({ model: 'gpt', input: 'Hello' })
    const error = await errorOf(sdk.responses.cancel(done.id))
    expect(error).toBeInstanceOf(ConflictError)
    expect(error).toMatchObject({ code: 'already_ended', type: 'invalid_request_error', requestID: done.id })
  })

  test('a response that is deleted can’t be read, and its prompt and result are deleted, too', async () => {
    const { sdk, client, user } = await aUser()
    const response = await sdk.responses.create({ model: 'gpt', input: 'my secret is plugh' })

    await sdk.responses.delete(response.id)

    await expect(sdk.responses.retrieve(response.id)).rejects.toThrow(NotFoundError)
    await expect(sdk.responses.delete(response.id)).rejects.toThrow(NotFoundError)
    expect((await client.send('GET', `/v1/inference/${response.id}`)).status).toBe(404)
    expect((await client.send('GET', '/v1/inference')).body.requests).toEqual([])
    const [row] = await ledgerRows(system, user)
    expect(row).toMatchObject({ request_id: response.id, prompt: null, result: null, total_tokens: 120 })
  })

  test('a response that is deleted before it has run leaves no prompt and no result behind', async () => {
    const { sdk, user, client } = await aUser()
    const held = endpoint.hold('hold the deleted one')
    const begun = await sdk.responses.create({ model: 'gpt', input: 'hold the deleted one', background: true })
    await eventually(async () => expect((await sdk.responses.retrieve(begun.id)).status).toBe('in_progress'))

    await sdk.responses.delete(begun.id)
    held.release()

    await client.settledQuota()
    const row = await eventually(async () => {
      const [now] = await ledgerRows(system, user)
      expect(now).toMatchObject({ status: 'cancelled' })
      return now
    })
    expect(row).toMatchObject({ prompt: null, result: null })
  })
})

describe('errors', () => {
  const hello = { model: 'gpt', messages: [{ role: 'user' as const, content: 'Hello' }] }

  test('an error says that the API key is wrong', async () => {
    for (const apiKey of [newKey(), 'nonsense']) {
      const error = await errorOf(
        new OpenAI({
          baseURL: `${system.apiUrl}/v1`,
          apiKey,
          maxRetries: 0,
        }).models.list() as unknown as Promise<unknown>,
      )
      expect(error).toBeInstanceOf(AuthenticationError)
      expect(error).toMatchObject({ code: 'invalid_api_key', type: 'invalid_request_error' })
    }
  })

  test('an error says that a model is unknown, that a model is not allowed, or that the request of another user is not found', async () => {
    const [one, other] = [await aUser(), await aUser()]
    const { id } = await one.sdk.responses.create({ model: 'gpt', input: 'Hello', background: true })

    const unknown = await errorOf(one.sdk.chat.completions.create({ ...hello, model: 'nope' }))
    const foreign = await errorOf(other.sdk.responses.retrieve(id))

    expect(unknown).toBeInstanceOf(NotFoundError)
    expect(unknown).toMatchObject({ code: 'model_not_found', param: 'model', type: 'invalid_request_error' })
    expect(foreign).toBeInstanceOf(NotFoundError)
    expect(await errorOf(one.sdk.chat.completions.create({ ...hello, model: 'vectors' }))).toBeInstanceOf(
      PermissionDeniedError,
    )
  })

  test('an error names the parameter that is wrong, missing or not supported', async () => {
    const { sdk, client } = await aUser()
    const create = (more: object) => errorOf(sdk.chat.completions.create({ ...hello, ...more }) as Promise<unknown>)
    const respond = (more: object) =>
      errorOf(sdk.responses.create({ model: 'gpt', input: 'x', ...more }) as Promise<unknown>)

    expect(await create({ messages: [{ role: 'nobody', content: 'x' }] })).toMatchObject({
      param: 'messages[0].role',
      code: 'invalid_value',
      status: 400,
    })
    expect(await create({ messages: undefined })).toMatchObject({
      param: 'messages',
      code: 'missing_required_parameter',
    })
    expect(await create({ model: 'plain', n: 2 })).toMatchObject({ param: 'n', code: 'unsupported_parameter' })
    expect(await create({ model: 'plain', top_p: 0.5 })).toMatchObject({ param: 'top_p' })
    expect(await create({ model: 'plain', tools: [{ type: 'function', function: WEATHER }] })).toMatchObject({
      param: 'tools',
    })
    expect(await respond({ previous_response_id: 'resp_1' })).toMatchObject({ param: 'previous_response_id' })
    expect(await respond({ model: 'plain', tools: [{ type: 'web_search' }] })).toMatchObject({ param: 'tools' })
    const image = [{ role: 'user', content: [{ type: 'input_image', file_id: 'file-1' }] }]
    expect(await respond({ model: 'plain', input: image })).toMatchObject({
      param: 'input',
      code: 'unsupported_parameter',
    })
    expect(await client.quota()).toMatchObject({ requests: { used: 0 } })
  })

  test('an error names the field that the operation of the endpoint does not have', async () => {
    const { sdk } = await aUser()
    const image = [{ type: 'input_image' as const, file_id: 'file-1', detail: 'auto' as const }]
    const audio = [{ type: 'input_audio' as const, input_audio: { data: 'UklGRg==', format: 'wav' as const } }]

    const response = await errorOf(
      sdk.responses.create({ model: 'chat-only', input: [{ role: 'user', content: image }] }),
    )
    const chat = await errorOf(
      sdk.chat.completions.create({ model: 'responses-only', messages: [{ role: 'user', content: audio }] }),
    )

    expect(response).toBeInstanceOf(BadRequestError)
    expect(response).toMatchObject({ param: 'input', code: 'unsupported_parameter' })
    expect(chat).toMatchObject({ status: 400, param: 'messages', code: 'unsupported_parameter' })
  })

  test('an error says that a quota is used up, and tells the SDK not to retry', async () => {
    const limited = (await aUser({ plan: 'one' })).sdk
    await limited.responses.create({ model: 'gpt', input: 'Hello' })

    const spent = await errorOf(limited.responses.create({ model: 'gpt', input: 'Hello' }))

    expect(spent).toBeInstanceOf(RateLimitError)
    expect(spent).toMatchObject({ code: 'insufficient_quota', type: 'insufficient_quota' })
    expect(spent.headers.get('x-should-retry')).toBe('false')
    expect(spent.headers.get('x-ratelimit-remaining-requests')).toBe('0')
  })

  test('an error about too many requests in flight makes the SDK retry after the time in Retry-After', async () => {
    const { sdk, client } = await aUser({ plan: 'single', maxRetries: 4 })
    const held = endpoint.hold('hold the only place')
    const first = await sdk.responses.create({ model: 'gpt', input: 'hold the only place', background: true })
    const full = await errorOf(
      sdk.responses.create({ model: 'gpt', input: 'Hello', background: true }, { maxRetries: 0 }),
    )
    expect(full).toMatchObject({ status: 429, code: 'rate_limit_exceeded' })
    expect(Number(full.headers.get('retry-after'))).toBeLessThanOrEqual(30)
    expect(full.headers.get('x-should-retry')).toBe('true')

    const second = sdk.responses.create({ model: 'gpt', input: 'Hello', background: true })
    held.release()
    await client.ended(first.id)

    expect((await second).status).toBe('queued')
  })

  test('an error says that an Idempotency-Key was used with another body, while the same body gets the same request', async () => {
    const { sdk, client } = await aUser()
    const options = { headers: { 'Idempotency-Key': 'one' } }
    const first = await sdk.chat.completions.create(hello, options)

    const again = await sdk.chat.completions.create(hello, options)
    const other = await errorOf(sdk.chat.completions.create({ ...hello, temperature: 1 }, options))
    const elsewhere = await errorOf(sdk.responses.create({ model: 'gpt', input: 'Hello' }, options))

    expect(again.id).toBe(first.id)
    for (const error of [other, elsewhere]) {
      expect(error).toBeInstanceOf(UnprocessableEntityError)
      expect(error).toMatchObject({ code: 'idempotency_mismatch' })
    }
    await client.settledQuota()
    expect(await client.quota()).toMatchObject({ requests: { used: 1 }, tokens: { used: 120 } })
  })

  test('an error of the model becomes the error of the call, and the SDK does not retry it', async () => {
    const { sdk, client } = await aUser({ maxRetries: 2 })
    endpoint.refuse('refuse this', 400, { error: { message: 'temperature is not allowed', code: 'bad' } })
    endpoint.refuse('break this', 500, { error: { message: 'overloaded' } })

    const refused = await errorOf(sdk.responses.create({ model: 'gpt', input: 'refuse this' }))
    const broken = await errorOf(sdk.responses.create({ model: 'gpt', input: 'break this' }))

    expect(refused).toBeInstanceOf(BadRequestError)
    expect(refused.message).toContain('temperature is not allowed')
    expect(broken).toBeInstanceOf(InternalServerError)
    expect(broken).toMatchObject({ status: 502, requestID: expect.any(String) })
    expect(await client.quota()).toMatchObject({ requests: { used: 2 } })
    expect(await sdk.responses.retrieve(String(broken.requestID))).toMatchObject({ status: 'failed' })
  })
})

test('a chat of 60 s with an Idempotency-Key completes after retries of the SDK and is charged once. Without a key, the call fails with the id of the request, and the SDK does not retry it', {
  timeout: 150_000,
}, async () => {
  const { sdk, client } = await aUser({ maxRetries: 3 })
  const held = endpoint.hold('take a minute')
  const chat = { model: 'gpt', messages: [{ role: 'user' as const, content: 'take a minute' }] }

  const unkeyed = errorOf(sdk.chat.completions.create(chat))
  const keyed = sdk.chat.completions.create(chat, { headers: { 'Idempotency-Key': 'slow' } })
  const failed = await unkeyed
  // This second call without a key only lets time pass: while it waits, the SDK makes its third try of the call with a key.
  await errorOf(sdk.chat.completions.create(chat))
  held.release()
  expect(failed).toMatchObject({ status: 504, code: 'still_running', requestID: expect.any(String) })
  expect(failed.headers.get('x-should-retry')).toBe('false')
  expect((await keyed).choices[0]?.message.content).toBe('said by chat')

  expect((await sdk.chat.completions.retrieve(String(failed.requestID))).choices[0]?.message.content).toBe(
    'said by chat',
  )
  await client.settledQuota()
  expect(await client.quota()).toMatchObject({ requests: { used: 3 }, tokens: { used: 360 } })
})

test('a request of a model with a price has its cost in the answer, in the ledger and in the output for the operator', async () => {
  const { sdk, client, user } = await aUser()
  const { id } = await sdk.chat.completions.create({ model: 'gpt', messages: [{ role: 'user', content: 'Hello' }] })

  const { charged } = await client.ended(id)

  const cost = (100 * 0.15 + 20 * 0.6) / 1e6
  expect(charged).toEqual({ requests: 1, tokens: 120, cost })
  expect(await ledgerRows(system, user)).toMatchObject([{ request_id: id, cost }])
  expect(await showQuota(system.admin, user)).toMatchObject({ cost })
})
