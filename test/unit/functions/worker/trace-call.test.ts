import { describe, expect, it } from 'vitest'
import type { Operation } from '../../../../functions/core/domain/operation.ts'
import { createPassOn } from '../../../../functions/worker/pass-on.ts'
import { callSpans } from '../../../../functions/worker/trace-call.ts'
import { aBatchWorker } from '../../../support/batch-worker.ts'
import { NOW } from '../../../support/clock.ts'
import { recordedTracing } from '../../../support/recorded-tracing.ts'
import { aMessage, anItem } from '../../../support/requests.ts'
import { aWorker } from '../../../support/worker.ts'

const ENDPOINT = { url: 'https://gpt.example.com/v1', timeout_ms: 60_000, headers: {} }
const urls = {
  'chat.completions': `${ENDPOINT.url}/chat/completions`,
  completions: `${ENDPOINT.url}/completions`,
  embeddings: `${ENDPOINT.url}/embeddings`,
  responses: `${ENDPOINT.url}/responses`,
}
const body = { model: 'gpt', input: 'Hi', prompt: 'Hi' }

const ofProvider = (provider: string | undefined) => {
  const { tracing, spans } = recordedTracing()
  const ports = { tracing, startCallSpan: callSpans(tracing, { model: 'm', provider, endpoint: ENDPOINT }) }
  const callNames = async () =>
    (await spans()).flatMap(({ name, kind, attributes }) =>
      kind === 3 ? [{ name, operation: attributes['gen_ai.operation.name'] }] : [],
    )
  return { ports, callNames }
}

/** Runs a request of an operation of the OpenAI API, and returns the names of the span of its call. */
async function tracedCall(operation: Operation | undefined, provider: string | undefined) {
  const { ports, callNames } = ofProvider(provider)
  const worker = aWorker()
  const passOn = provider === 'openai' ? createPassOn({ model: 'gpt', urls }) : undefined
  const message = { ...aMessage(await worker.create(), body), operation }
  await worker.invoke([message], { ...worker.ports, ...ports, passOn })
  return callNames()
}

/** Runs requests of these operations in one batch, and returns the names of the span of its call. */
async function tracedBatch(operations: readonly (Operation | undefined)[], provider: string | undefined) {
  const { ports, callNames } = ofProvider(provider)
  const worker = aBatchWorker()
  const messages = await worker.messagesOf(operations.map((_, i) => `prompt ${i}`))
  const sent = messages.map((message, i) => ({ ...message, operation: operations[i] }))
  await worker.invoke(sent, { ...worker.ports, ...ports })
  return callNames()
}

describe('the span of a call to the model', () => {
  const values = [
    ['chat.completions', 'chat'],
    ['responses', 'chat'],
    ['completions', 'text_completion'],
    ['embeddings', 'embeddings'],
  ] as const

  it.each(['openai', 'anthropic', undefined])(
    'has the operation of its request, with the provider %s',
    async provider => {
      for (const [operation, name] of values)
        expect(await tracedCall(operation, provider)).toEqual([{ name: `${name} m`, operation: name }])
    },
  )

  it.each([
    ['openai', 'chat'],
    ['ollama', 'chat'],
    ['tgi', 'text_completion'],
    [undefined, 'text_completion'],
  ])('has the usual operation of its provider %s if its request has no operation', async (provider, name) => {
    expect(await tracedCall(undefined, provider)).toEqual([{ name: `${name} m`, operation: name }])
  })

  it('has the operation of all requests of its batch', async () => {
    const batch = await tracedBatch(['embeddings', 'embeddings'], undefined)

    expect(batch).toEqual([{ name: 'embeddings m', operation: 'embeddings' }])
    expect(await tracedBatch(['chat.completions', 'responses'], undefined)).toMatchObject([{ operation: 'chat' }])
    expect(await tracedBatch(['completions', undefined], 'tgi')).toMatchObject([{ operation: 'text_completion' }])
  })

  it('has the usual operation of its provider if the requests of its batch have different operations', async () => {
    expect(await tracedBatch(['embeddings', 'chat.completions'], 'tgi')).toMatchObject([
      { operation: 'text_completion' },
    ])
  })
})

describe('the span of a delivery whose request can’t be claimed yet', () => {
  it.each([
    { when: 'the message comes before the item', fields: undefined, why: 'item missing' },
    { when: 'the retry is not due', fields: { not_before: NOW + 60_000 }, why: 'claim refused' },
    {
      when: 'another worker runs the request',
      fields: { status: 'running', attempt: 1, lease_until: NOW + 60_000 } as const,
      why: 'claim refused',
    },
  ])('says so if $when: $why', async ({ fields, why }) => {
    const { tracing, spans } = recordedTracing()
    const worker = aWorker()
    const item = fields ? await worker.create(fields) : anItem()

    await worker.invoke([aMessage(item)], { ...worker.ports, tracing })

    const [processed] = (await spans()).filter(({ name }) => name.startsWith('process'))
    expect(processed?.attributes).toMatchObject({ 'sluice.deferred_by': why })
  })
})
