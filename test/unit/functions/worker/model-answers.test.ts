import { describe, expect, it } from 'vitest'
import { decidedEntry } from '../../../../functions/collector/entry.ts'
import { failureOf } from '../../../../functions/core/domain/events.ts'
import type { Reply } from '../../../../functions/core/inference/port.ts'
import { answered, aRetry, failure } from '../../../support/failures.ts'
import { aMessage, anItem } from '../../../support/requests.ts'
import { aWorker, type WorkerSettings } from '../../../support/worker.ts'

/** A worker whose model gives these replies. The last reply is repeated. */
function aWorkerOf(replies: readonly Reply[], settings: WorkerSettings = {}) {
  const worker = aWorker(undefined, { retry: aRetry({ attempts: 5 }), ...settings })
  const left = [...replies]
  const call = async (): Promise<Reply> => left.shift() ?? replies.at(-1) ?? answered({})
  const ports = { ...worker.ports, endpoint: { ...worker.ports.endpoint, call } }
  return {
    ...worker,
    ports,
    runOne: async (body: unknown = { prompt: 'hello' }) => {
      const item = await worker.create()
      await worker.invoke([aMessage(item, body)], ports)
      return item
    },
    /** Waits for the delay of the message that was sent last, and delivers this message. */
    arrive: () => {
      const last = worker.deferred().at(-1)
      worker.ports.advance((last?.delay_seconds ?? 0) * 1_000)
      return worker.invoke([last?.body], ports)
    },
  }
}

describe('a worker: a model that says why it refuses a request', () => {
  const refusal = answered({ detail: 'bad field "model_input"' }, { status: 400 })

  it('has its status and its error text in the outcome, in a form that version 0.1.0 can read', async () => {
    const { runOne, outcomes } = aWorkerOf([refusal])

    const item = await runOne()

    const [outcome] = outcomes()
    if (!outcome) throw new Error('there is no outcome')
    const said = { status: 400, detail: 'bad field "model_input"' }
    const error = { code: 'model_rejected', message: 'the model refused the request with 400' }
    expect(outcome).toMatchObject({ status: 'failed', error, result: { inline: said } })
    expect(failureOf(outcome)).toEqual({ ...error, ...said })
    const decided = { ...item, status: 'failed' as const, error: { ...error, ...said } }
    expect(decidedEntry(outcome, decided)).toMatchObject({ row: { error: { ...error, ...said }, result: undefined } })
  })

  it('the model’s error text is in the outcome without the pieces of the prompt that it quotes', async () => {
    const prompt = 'tell me the story of a canary'
    const { runOne, outcomes } = aWorkerOf([answered({ error: `can't read "${prompt}"` }, { status: 400 })])

    await runOne({ prompt })

    expect(outcomes()).toMatchObject([{ result: { inline: { detail: 'can\'t read "…"' } } }])
  })

  it('the status and the field `error` of an answer are in the outcome, also if the model answers 200 without a result', async () => {
    const { runOne, outcomes } = aWorkerOf([answered({ error: { message: 'no such path' }, text: 'a result' })])

    await runOne()

    expect(outcomes()).toMatchObject([
      {
        error: {
          code: 'invalid_model_response',
          message: 'the response mapping gives no result (200, application/json)',
        },
        result: { inline: { status: 200, detail: 'no such path' } },
      },
    ])
  })

  it('a request fails if the answer is one line of a stream that was cut off, and the error says so', async () => {
    const line = { model: 'm', message: { role: 'assistant', content: 'he' }, done: false }
    const { runOne, outcomes } = aWorkerOf([answered(line)])

    await runOne()

    expect(outcomes()).toMatchObject([
      {
        status: 'failed',
        error: {
          code: 'invalid_model_response',
          message:
            "the response mapping gives no result; the model's answer has `done: false`, so it is not finished (200, application/json)",
        },
      },
    ])
  })

  it('a model that answers 202 with the promise of a later answer is not called again, and the error says what is wrong', async () => {
    const { runOne, outcomes } = aWorkerOf([answered({ id: 'abc', status: 'IN_QUEUE' }, { status: 202 })])

    await runOne()

    expect(outcomes()[0]?.error?.message).toContain('answers later by itself')
  })
})

describe('a worker: unreadable usage in the model’s answer', () => {
  it('is counted in UnreadableUsage, and the request completes', async () => {
    const { runOne, outcomes, ports } = aWorkerOf([answered({ result: 'hi', usage: { total_tokens: -1 } })])

    await runOne()

    expect(outcomes()).toMatchObject([{ status: 'completed' }])
    expect(outcomes()[0]).not.toHaveProperty('usage')
    expect(ports.metrics.add).toHaveBeenCalledWith('UnreadableUsage', 1)
  })

  it('is not counted if the model reports no usage, or a usage that can be read', async () => {
    const { runOne, ports } = aWorkerOf([answered({ result: 1 }), answered({ result: 1, usage: { total_tokens: 3 } })])

    await runOne()
    await runOne()

    expect(ports.metrics.add).not.toHaveBeenCalledWith('UnreadableUsage', 1)
  })

  it('if the usage is unreadable, a request that limits its output costs at least the tokens of its prompt and one token per four bytes of its result', async () => {
    const { runOne, outcomes } = aWorkerOf([answered({ result: 'x'.repeat(400), usage: { total_tokens: null } })])

    await runOne({ prompt: 'hello', parameters: { max_tokens: 1 } })

    expect(outcomes()).toMatchObject([{ status: 'completed', charge_at_least: 2 + 101 }])
  })
})

describe('a worker: a failed call that may be repeated only once', () => {
  const reset: Reply = { kind: 'broken', code: 'model_unreachable', message: 'm', reached: true, retry: 'once' }

  it('is repeated once, and the request fails after the second call', async () => {
    const { runOne, arrive, outcomes } = aWorkerOf([reset])
    await runOne()
    expect(outcomes()).toEqual([])

    await arrive()

    expect(outcomes()).toMatchObject([{ status: 'failed', attempt: 2, error: { code: 'model_unreachable' } }])
  })
})

describe('a worker: an element of a batch with an error that may be retried', () => {
  it('is retried alone, and the other requests complete', async () => {
    const outputs = [{ result: 'a' }, { error: { code: 503 } }]
    const { invoke, create, outcomes, deferred, ports } = aWorkerOf([answered({ outputs })], { batched: true })
    const items = [await create(), await create()]

    await invoke(
      items.map(item => aMessage(item)),
      ports,
    )

    expect(outcomes()).toMatchObject([{ request_id: items[0]?.request_id, status: 'completed' }])
    expect(deferred()).toMatchObject([{ body: { request_id: items[1]?.request_id } }])
  })

  it('an element of a batch is also retried after a status 500, which does not mean that the model is busy', async () => {
    const outputs = [{ result: 'a' }, { error: { code: 500 } }]
    const { invoke, create, deferred, ports } = aWorkerOf([answered({ outputs })], { batched: true })
    const items = [await create(), await create()]

    await invoke(
      items.map(item => aMessage(item)),
      ports,
    )

    expect(deferred()).toHaveLength(1)
  })
})

describe('a worker: the conditions of pipeline.yaml', () => {
  it('fail a request that would be retried, and retry a request that would complete', async () => {
    const { runOne, outcomes, deferred } = aWorkerOf(
      [answered({ error: 'x' }, { status: 500 }), answered({ error: 'busy', result: 1 })],
      { retry: aRetry({ drop_when: 'status = 500', backoff_when: '$exists(body.error)' }) },
    )

    await runOne()
    expect(outcomes()).toMatchObject([{ status: 'failed', attempt: 1, error: { code: 'model_rejected' } }])
    await runOne()
    expect(deferred()).toHaveLength(1)
  })
})

describe('a worker: a failed call without an answer of the model', () => {
  it('is published without the field `result`, which has the model’s error text if there is an answer', async () => {
    const { create, run, outcomes } = aWorker(failure({ code: 'model_unreachable', message: 'm', reached: false }))

    await run(await create(anItem()))

    expect(outcomes()[0]).not.toHaveProperty('result')
  })
})
