import { describe, expect, it } from 'vitest'
import { PROFILES } from '../../../../lib/config/providers/index.ts'
import { modelOf } from '../../../support/provider.ts'
import { messageOf } from '../pipelines.ts'

const URL = 'https://models.example.com'
const refusal = (fields: object) => messageOf(() => modelOf(fields))

describe('a model with a provider', () => {
  it('a model with a provider needs only an endpoint', () => {
    const { endpoint, response, retry } = modelOf({ provider: 'tgi', endpoint: { url: URL } })

    expect(endpoint).toEqual({ url: `${URL}/generate`, timeout: 60_000, headers: {} })
    expect(response).toBe(PROFILES.tgi.response)
    expect(retry).toMatchObject({ attempts: 5, ...PROFILES.tgi.retry })
  })

  it.each([
    { key: 'request', value: '{ "inputs": prompt }' },
    { key: 'response', value: '{ "result": $ }' },
    { key: 'estimate', value: '7' },
  ])('a model with a provider has the $key of the pipeline file instead of the profile’s', ({ key, value }) => {
    expect(modelOf({ provider: 'openai', endpoint: { url: URL }, [key]: value })).toMatchObject({ [key]: value })
  })

  it('a model with a provider takes each key of retry from the pipeline file if it is there, and otherwise from the profile', () => {
    const { retry } = modelOf({
      provider: 'bedrock',
      endpoint: { url: URL },
      model: 'm',
      retry: { attempts: 2, halt_when: 'false', backoff_on: [503, 400] },
    })

    expect(retry).toMatchObject({
      attempts: 2,
      halt_when: 'false',
      backoff_when: PROFILES.bedrock.retry.backoff_when,
      backoff_on: [503, 400],
      drop_on: [404],
    })
  })

  it('if the file has a status in drop_on, a model with a provider does not retry this status, even if the profile has it in backoff_on', () => {
    const { retry } = modelOf({ provider: 'tgi', endpoint: { url: URL }, retry: { drop_on: [424] } })

    expect(retry).toMatchObject({ backoff_on: [429, 503], drop_on: [424] })
  })

  it.each([
    { given: { secret: 'K' }, auth: { header: 'x-api-key', prefix: '', secret: 'K' } },
    { given: { secret: 'K', header: 'Authorization' }, auth: { header: 'Authorization', prefix: '', secret: 'K' } },
    { given: { secret: 'K', prefix: 'Key ' }, auth: { header: 'x-api-key', prefix: 'Key ', secret: 'K' } },
    { given: { sigv4: 'execute-api' }, auth: { sigv4: 'execute-api' } },
    { given: undefined, auth: undefined },
  ])(
    'a model with a provider sends a secret in the header of the provider, unless the file names another header or prefix: $given',
    ({ given, auth }) => {
      const { endpoint } = modelOf({ provider: 'anthropic', endpoint: { url: URL, ...(given && { auth: given }) } })

      expect(endpoint.auth).toEqual(auth)
    },
  )

  it('a model whose provider is on AWS has signed calls unless the file has an auth', () => {
    const withAuth = (auth?: object) =>
      modelOf({ provider: 'sagemaker', model: 'm', endpoint: { url: URL, ...(auth && { auth }) } }).endpoint.auth

    expect(withAuth()).toEqual({ sigv4: 'sagemaker' })
    expect(withAuth({ secret: 'K' })).toEqual({ header: 'Authorization', prefix: 'Bearer ', secret: 'K' })
  })
})

describe('the address that is called for a model with a provider', () => {
  it.each([
    ['openai', 'https://api.openai.com', 'https://api.openai.com/v1/chat/completions'],
    ['openai', 'https://api.openai.com/', 'https://api.openai.com/v1/chat/completions'],
    ['openai', 'https://api.openai.com/v1', 'https://api.openai.com/v1/chat/completions'],
    ['openai', 'https://api.openai.com/v1/', 'https://api.openai.com/v1/chat/completions'],
    ['openai', 'https://api.openai.com/v1/chat/completions', 'https://api.openai.com/v1/chat/completions'],
    ['openai', 'https://api.openai.com/v1/embeddings', 'https://api.openai.com/v1/chat/completions'],
    ['openai', 'https://api.openai.com/v1/models/gpt-5', 'https://api.openai.com/v1/chat/completions'],
    ['openai', 'https://openrouter.ai/api/v1', 'https://openrouter.ai/api/v1/chat/completions'],
    ['openai', 'https://api.groq.com/openai/v1', 'https://api.groq.com/openai/v1/chat/completions'],
    [
      'openai',
      'https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=1',
      'https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=1',
    ],
    ['anthropic', 'https://api.anthropic.com', 'https://api.anthropic.com/v1/messages'],
    ['anthropic', 'https://api.anthropic.com/v1', 'https://api.anthropic.com/v1/messages'],
    ['anthropic', 'https://proxy.example.com/anthropic', 'https://proxy.example.com/anthropic/v1/messages'],
    ['ollama', 'http://127.0.0.1:11434', 'http://127.0.0.1:11434/api/chat'],
    ['ollama', 'http://127.0.0.1:11434/api', 'http://127.0.0.1:11434/api/chat'],
    ['ollama', 'http://127.0.0.1:11434/api/generate', 'http://127.0.0.1:11434/api/chat'],
    ['tgi', 'http://127.0.0.1:3000/v1/chat/completions', 'http://127.0.0.1:3000/generate'],
    ['bedrock', 'https://b.example.com', 'https://b.example.com/model/us.m-v1%3A0/converse'],
    ['bedrock', 'https://b.example.com/model/x:0/converse', 'https://b.example.com/model/x:0/converse'],
    ['bedrock', 'https://b.example.com/model/x:0/invoke', 'https://b.example.com/model/us.m-v1%3A0/converse'],
    ['sagemaker', 'https://s.example.com', 'https://s.example.com/endpoints/us.m-v1%3A0/invocations'],
    ['sagemaker', 'https://s.example.com/endpoints/e/invocations', 'https://s.example.com/endpoints/e/invocations'],
  ])('the called address of %s at %s is %s', (provider, url, called) => {
    const resolve = (given: string) => modelOf({ provider, model: 'us.m-v1:0', endpoint: { url: given } }).endpoint.url

    expect(resolve(url)).toBe(called)
    expect(resolve(called)).toBe(called)
  })

  it.each([
    ['openai', 'https://api.openai.com/v1/embeddings', 'https://api.openai.com/v1/embeddings'],
    ['openai', 'https://api.openai.com/v1', 'https://api.openai.com/v1/chat/completions'],
    ['bedrock', 'https://b.example.com/model/titan/invoke', 'https://b.example.com/model/titan/invoke'],
  ])('the called address of %s at %s is %s if the file has its own request mapping', (provider, url, called) => {
    expect(modelOf({ provider, endpoint: { url }, request: '{ "input": prompt }' }).endpoint.url).toBe(called)
  })

  it.each([
    { provider: 'bedrock', end: '/model/NAME/converse' },
    { provider: 'sagemaker', end: '/endpoints/NAME/invocations' },
  ])(
    'the called address of $provider contains the name of the model, so a file without this name is refused',
    ({ provider, end }) => {
      expect(refusal({ provider, endpoint: { url: URL } })).toMatch(
        `models.text.endpoint.url must end in ${end}, or model must be there with the NAME`,
      )
    },
  )
})

describe('a mistake in a model with a provider', () => {
  it.each([
    {
      what: 'an unknown provider',
      fields: { provider: 'opneai', endpoint: { url: URL } },
      message: 'models.text.provider must be one of openai, anthropic, ollama, tgi, bedrock, sagemaker, not "opneai"',
    },
    {
      what: 'a bad mapping',
      fields: { provider: 'openai', endpoint: { url: URL }, request: '{ "a": ' },
      message: 'models.text.request is not valid JSONata',
    },
    {
      what: 'a bad estimate',
      fields: { provider: 'openai', endpoint: { url: URL }, estimate: '$tokens(prompt)' },
      message: 'models.text.estimate calls $tokens, which is not a function of JSONata',
    },
    {
      what: 'no endpoint',
      fields: { provider: 'openai' },
      message: 'models.text.endpoint is missing',
    },
    {
      what: 'an invalid URL',
      fields: { provider: 'openai', endpoint: { url: 'api.openai.com' } },
      message: 'models.text.endpoint.url must be an http or https URL',
    },
    {
      what: 'a retry that is no mapping',
      fields: { provider: 'openai', endpoint: { url: URL }, retry: 5 },
      message: 'models.text.retry must be a mapping',
    },
    {
      what: 'headers that are no mapping',
      fields: { provider: 'anthropic', endpoint: { url: URL, headers: 'x' } },
      message: 'models.text.endpoint.headers must be a mapping',
    },
    {
      what: 'a secret over http',
      fields: { provider: 'openai', endpoint: { url: 'http://models.example.com', auth: { secret: 'K' } } },
      message: 'models.text.endpoint.url must be an https URL',
    },
  ])('a mistake in a model with a provider causes one error only: $what', ({ fields, message }) => {
    const told = refusal(fields)

    expect(told).toContain(message)
    expect(told.split('\n')).toHaveLength(1)
  })

  it('a mistake in a model with a provider causes two errors if it is a missing provider: request and response are missing', () => {
    expect(refusal({ endpoint: { url: URL } })).toMatch(
      /models\.text\.request is missing.*\n.*models\.text\.response is missing/,
    )
  })
})
