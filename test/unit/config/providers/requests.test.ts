import { describe, expect, it } from 'vitest'
import type { Provider } from '../../../../lib/config/providers/index.ts'
import { callerOf, SECRET } from '../../../support/provider.ts'
import { useQuirkServer } from '../../../support/quirk-server.ts'
import { expectedSignature, readAuthorization } from '../../../support/sigv4.ts'

const server = useQuirkServer()

/** The call (headers and body) that the model’s endpoint receives for this body of a client. */
async function sentFor(provider: Provider, body: object, model = 'm', more: object = {}) {
  await callerOf(provider, { url: server().url, ...more }, { model }).call({ prompt: 'Hello', ...body })
  const call = server().received.at(-1)
  if (!call) throw new Error('the endpoint was not called')
  return { ...call, body: JSON.parse(call.body) as unknown }
}

const HELLO = [{ role: 'user', content: 'Hello' }]
const TALK = { system: 'Be brief.', max_tokens: 16, temperature: 0.5, top_p: 0.9, stop: '.', seed: 7, stream: true }
const CONVERSATION = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: 'Hello' },
  { role: 'user', content: [{ type: 'text', text: 'Why?' }] },
]

describe('the request of the profile openai', () => {
  it.each([
    { what: 'a prompt', body: {}, sent: { model: 'm', messages: HELLO } },
    {
      what: 'parameters, without stream',
      body: { parameters: { ...TALK, stream_options: { include_usage: true }, tools: [{ type: 'function' }] } },
      sent: {
        model: 'm',
        messages: [{ role: 'system', content: 'Be brief.' }, ...HELLO],
        max_tokens: 16,
        temperature: 0.5,
        top_p: 0.9,
        stop: '.',
        seed: 7,
        tools: [{ type: 'function' }],
      },
    },
    {
      what: 'no parameter that would choose another model or account',
      body: {
        parameters: {
          ...{ model: 'x', models: ['x'], route: 'fallback', provider: { only: ['x'] }, fallbacks: ['x'] },
          ...{ api_base: 'http://x', api_key: 'x', base_url: 'http://x', seed: 7 },
        },
      },
      sent: { model: 'm', messages: HELLO, seed: 7 },
    },
    { what: 'messages', body: { messages: CONVERSATION }, sent: { model: 'm', messages: CONVERSATION } },
    {
      what: 'bounds of the output beside the prompt, which bound the estimate, too',
      body: { max_tokens: 5, n: 2, max_output_tokens: 6 },
      sent: { model: 'm', messages: HELLO, max_tokens: 5, n: 2, max_completion_tokens: 6 },
    },
    {
      what: "the file's model, whatever the client names",
      body: { parameters: { model: 'dearest', messages: [] } },
      sent: { model: 'm', messages: HELLO },
    },
  ])('the request of the profile openai has $what', async ({ body, sent }) => {
    expect(await sentFor('openai', body)).toMatchObject({ method: 'POST', target: '/v1/chat/completions', body: sent })
    expect((await sentFor('openai', body)).body).toEqual(sent)
  })

  it('the request of the profile openai has the model’s name from the file if `model` is left out', async () => {
    await callerOf('openai', { url: server().url }).call({ prompt: 'Hello' })

    expect(JSON.parse(server().received.at(-1)?.body ?? '')).toMatchObject({ model: 'text' })
  })

  it('the request of the profile openai keeps quotes and dollars in the name of the model unchanged', async () => {
    expect((await sentFor('openai', {}, `it's"$&\\`)).body).toMatchObject({ model: `it's"$&\\` })
  })

  it('the request of the profile openai has the secret as a bearer token', async () => {
    const { headers } = await sentFor('openai', {}, 'm', { auth: { secret: 'KEY' } })

    expect(headers.authorization).toBe(`Bearer ${SECRET}`)
  })
})

describe('the request of the profile anthropic', () => {
  it.each([
    { what: 'a prompt', body: {}, sent: { model: 'm', max_tokens: 1024, messages: HELLO } },
    {
      what: 'parameters',
      body: { parameters: TALK },
      sent: {
        model: 'm',
        max_tokens: 16,
        system: 'Be brief.',
        messages: HELLO,
        temperature: 0.5,
        top_p: 0.9,
        seed: 7,
        stop_sequences: ['.'],
      },
    },
    {
      what: 'messages, with the system text apart from them',
      body: { messages: CONVERSATION, max_completion_tokens: 9 },
      sent: { model: 'm', max_tokens: 9, system: 'Be brief.', messages: CONVERSATION.slice(1) },
    },
  ])('the request of the profile anthropic has $what', async ({ body, sent }) => {
    const call = await sentFor('anthropic', body)

    expect(call).toMatchObject({ target: '/v1/messages', headers: { 'anthropic-version': '2023-06-01' } })
    expect(call.body).toEqual(sent)
  })

  it('the request of the profile anthropic has the secret as x-api-key', async () => {
    const { headers } = await sentFor('anthropic', {}, 'm', { auth: { secret: 'KEY' } })

    expect(headers).toMatchObject({ 'x-api-key': SECRET })
    expect(headers.authorization).toBeUndefined()
  })

  it('the request of the profile anthropic has the version of the API from the file', async () => {
    const { headers } = await sentFor('anthropic', {}, 'm', { headers: { 'Anthropic-Version': '2027-01-01' } })

    expect(headers['anthropic-version']).toBe('2027-01-01')
  })
})

describe('the request of the profile ollama', () => {
  it.each([
    { what: 'a prompt', body: {}, sent: { model: 'm', messages: HELLO, stream: false, options: {} } },
    {
      what: 'parameters as options, beside Ollama’s own fields',
      body: { parameters: { ...TALK, format: 'json', think: false } },
      sent: {
        model: 'm',
        messages: [{ role: 'system', content: 'Be brief.' }, ...HELLO],
        stream: false,
        format: 'json',
        think: false,
        options: { temperature: 0.5, top_p: 0.9, seed: 7, num_predict: 16, stop: ['.'] },
      },
    },
  ])('the request of the profile ollama has $what', async ({ body, sent }) => {
    const call = await sentFor('ollama', body)

    expect(call.target).toBe('/api/chat')
    expect(call.body).toEqual(sent)
  })
})

describe('the request of the profile tgi', () => {
  it.each([
    {
      what: 'a prompt',
      body: {},
      sent: { inputs: 'Hello', parameters: { max_new_tokens: 512, return_full_text: false, details: true } },
    },
    {
      what: 'parameters',
      body: { parameters: TALK },
      sent: {
        inputs: 'Hello',
        parameters: {
          max_new_tokens: 16,
          temperature: 0.5,
          top_p: 0.9,
          stop: ['.'],
          seed: 7,
          return_full_text: false,
          details: true,
        },
      },
    },
    {
      what: 'no field for values that mean no sampling, since TGI refuses them',
      body: { parameters: { temperature: 0, top_p: 1, stop: [] } },
      sent: { inputs: 'Hello', parameters: { max_new_tokens: 512, return_full_text: false, details: true } },
    },
  ])('the request of the profile tgi has $what', async ({ body, sent }) => {
    const call = await sentFor('tgi', body)

    expect(call.target).toBe('/generate')
    expect(call.body).toEqual(sent)
  })
})

/** Whether AWS would accept the signature of a call. */
function isSigned(call: Awaited<ReturnType<typeof sentFor>>, service: string): boolean {
  const { scope, signedHeaders, signature } = readAuthorization(String(call.headers.authorization))
  const received = { ...call, body: server().received.at(-1)?.body ?? '' }
  return (
    scope.endsWith(`/us-east-1/${service}/aws4_request`) &&
    signature === expectedSignature(received, { scope, signedHeaders }, 'secret')
  )
}

describe('the request of the profile bedrock', () => {
  it.each([
    {
      what: 'a prompt',
      body: {},
      sent: { messages: [{ role: 'user', content: [{ text: 'Hello' }] }], inferenceConfig: { maxTokens: 512 } },
    },
    {
      what: 'parameters',
      body: { parameters: { ...TALK, additionalModelRequestFields: { top_k: 5 } } },
      sent: {
        messages: [{ role: 'user', content: [{ text: 'Hello' }] }],
        system: [{ text: 'Be brief.' }],
        inferenceConfig: { maxTokens: 16, temperature: 0.5, topP: 0.9, stopSequences: ['.'] },
        additionalModelRequestFields: { top_k: 5 },
      },
    },
    {
      what: 'messages as blocks, with the system text apart from them',
      body: { messages: CONVERSATION },
      sent: {
        messages: [
          { role: 'user', content: [{ text: 'Hi' }] },
          { role: 'assistant', content: [{ text: 'Hello' }] },
          { role: 'user', content: [{ text: 'Why?' }] },
        ],
        system: [{ text: 'Be brief.' }],
        inferenceConfig: { maxTokens: 512 },
      },
    },
    {
      what: "blocks of Converse's own",
      body: { messages: [{ role: 'user', content: [{ text: 'What is it?' }, { image: { format: 'png' } }] }] },
      sent: {
        messages: [{ role: 'user', content: [{ text: 'What is it?' }, { image: { format: 'png' } }] }],
        inferenceConfig: { maxTokens: 512 },
      },
    },
  ])('the request of the profile bedrock has $what, and a signature', async ({ body, sent }) => {
    const call = await sentFor('bedrock', body, 'us.amazon.nova-lite-v1:0')

    expect(call.target).toBe('/model/us.amazon.nova-lite-v1%3A0/converse')
    expect(call.body).toEqual(sent)
    expect(isSigned(call, 'bedrock')).toBe(true)
  })

  it('the request of the profile bedrock has a Bedrock API key in place of a signature if the file names one', async () => {
    const { headers } = await sentFor('bedrock', {}, 'm', { auth: { secret: 'AWS_BEARER_TOKEN_BEDROCK' } })

    expect(headers.authorization).toBe(`Bearer ${SECRET}`)
  })
})

describe('the request of the profile sagemaker', () => {
  it.each([
    { what: 'a prompt', body: {}, sent: { messages: HELLO, max_tokens: 512 } },
    {
      what: 'parameters',
      body: { parameters: TALK },
      sent: {
        messages: [{ role: 'system', content: 'Be brief.' }, ...HELLO],
        max_tokens: 16,
        temperature: 0.5,
        top_p: 0.9,
        stop: '.',
        seed: 7,
      },
    },
  ])('the request of the profile sagemaker has $what, and a signature', async ({ body, sent }) => {
    const call = await sentFor('sagemaker', body, 'my-endpoint')

    expect(call.target).toBe('/endpoints/my-endpoint/invocations')
    expect(call.body).toEqual(sent)
    expect(isSigned(call, 'sagemaker')).toBe(true)
  })
})
