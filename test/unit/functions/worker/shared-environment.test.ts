import { describe, expect, it, vi } from 'vitest'
import { InferenceMessage } from '../../../../functions/core/domain/messages.ts'
import type { ModelAnswer } from '../../../../functions/core/inference/port.ts'
import { createIsolation } from '../../../../functions/worker/isolation.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { NOW } from '../../../support/clock.ts'
import { aRetry } from '../../../support/failures.ts'
import { aMessage, anItem } from '../../../support/requests.ts'
import { aWorker, LEASE, stopping } from '../../../support/worker.ts'

const NEVER = () => new Promise<void>(() => undefined)

/** A worker in an environment that runs several invocations at the same time. The test ends its calls to the model. */
function aSharedWorker(sleep: (ms: number) => Promise<void> = NEVER) {
  const worker = aWorker()
  const isolation = createIsolation(sleep, 60_000)
  const held: (() => void)[] = []
  const call: WorkerPorts['endpoint']['call'] = async (id, body) => {
    const answer = await worker.ports.endpoint.call(id, body)
    await new Promise<void>(resolve => held.push(resolve))
    return answer
  }
  const shared: WorkerPorts = { ...worker.ports, isolation }
  return { ...worker, shared, holding: { ...shared, endpoint: { ...shared.endpoint, call } }, held }
}

const alone = (message: object) => ({ ...message, hints: { alone: true } })

describe('a worker in an environment that other invocations share', () => {
  it('counts no crash of a request that was alone only in its invocation, since another invocation may be the cause, but isolates the request', async () => {
    const { ports, shared, asked, deferred, run } = aSharedWorker()
    const item = await ports.items.create(anItem())
    await run(item, stopping(shared))
    ports.advance(LEASE - NOW)

    await run(item, shared)

    expect(asked).toEqual([])
    const [again] = deferred().map(({ body }) => InferenceMessage.parse(body))
    expect(again).toMatchObject({ request_id: item.request_id, hints: { alone: true } })
    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ crashes: 0, attempt: 1 })
  })

  it('counts a crash of an isolated request, which ran alone in the environment', async () => {
    const { ports, shared, invoke } = aSharedWorker()
    const item = await ports.items.create(anItem())
    await invoke([alone(aMessage(item))], stopping(shared))
    ports.advance(LEASE - NOW)

    await invoke([alone(aMessage(item))], shared)

    expect(await ports.items.get(item.user_id, item.request_id)).toMatchObject({ crashes: 1, attempt: 2 })
  })

  it('calls the model for an isolated request while no other call runs, and for other requests after that', async () => {
    const { ports, holding, held, asked, invoke } = aSharedWorker()
    const [first, isolated, last] = await Promise.all([1, 2, 3].map(() => ports.items.create(anItem())))
    const messages = [first, isolated, last].map(item => aMessage(item ?? anItem()))
    const ids = () => asked.map(({ requestId }) => requestId)

    const ends: Promise<number[]>[] = []
    for (const message of [messages[0], alone(messages[1] ?? {}), messages[2]]) {
      ends.push(invoke([message], holding))
      await new Promise(resolve => setImmediate(resolve))
    }
    for (const item of [first, isolated, last]) {
      await vi.waitFor(() => expect(ids().at(-1)).toBe(item?.request_id))
      await vi.waitFor(() => expect(held).toHaveLength(1))
      held.pop()?.()
    }

    expect(await Promise.all(ends)).toEqual([[], [], []])
    expect(asked).toHaveLength(3)
  })

  it('defers an isolated request for which other calls have left no time in its invocation', async () => {
    const { promise: timeIsUp, resolve: endTime } = Promise.withResolvers<void>()
    const { ports, holding, held, asked, deferred, invoke } = aSharedWorker(() => timeIsUp)
    const [first, isolated] = await Promise.all([1, 2].map(() => ports.items.create(anItem())))
    const running = invoke([aMessage(first ?? anItem())], holding)
    await vi.waitFor(() => expect(held).toHaveLength(1))

    const waiting = invoke([alone(aMessage(isolated ?? anItem()))], holding)
    endTime()
    expect(await waiting).toEqual([])

    const again = { request_id: isolated?.request_id, hints: { alone: true } }
    expect(deferred()).toMatchObject([{ body: again, delay_seconds: 5 }])
    expect(asked).toHaveLength(1)
    held.pop()?.()
    await running
  })

  it('runs a request beside other requests again after an isolated call of the request without a crash', async () => {
    const busy: ModelAnswer = {
      ok: false,
      verdict: 'retry',
      code: 'model_error',
      message: 'the model answered with 503',
      reached: true,
      status: 503,
    }
    const { ports, deferred, invoke } = aWorker(busy, { retry: aRetry({ attempts: 3 }) })
    const item = await ports.items.create(anItem())

    await invoke([alone(aMessage(item))], { ...ports, isolation: createIsolation(NEVER, 60_000) })

    const [again] = deferred().map(({ body }) => InferenceMessage.parse(body))
    expect(again).toMatchObject({ request_id: item.request_id })
    expect(again?.hints?.alone).toBeUndefined()
  })
})
