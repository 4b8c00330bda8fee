import { describe, expect, it } from 'vitest'
import type { Ask } from '../../../../functions/core/flow-control/port.ts'
import { RESULTS_QUEUE } from '../../../../functions/core/queue/names.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { aBatchWorker, echo } from '../../../support/batch-worker.ts'
import { failure } from '../../../support/failures.ts'
import { anOutage } from '../../../support/faults.ts'
import { aMessage } from '../../../support/requests.ts'
import { aWorker } from '../../../support/worker.ts'

const bug = () => new TypeError('x is not a function')

/** Ports of a worker, with which the claim of this request fails. */
const failingClaimOf = (ports: WorkerPorts, requestId: string, error: () => Error): WorkerPorts => ({
  ...ports,
  items: {
    ...ports.items,
    claim: (message, terms) =>
      message.request_id === requestId ? Promise.reject(error()) : ports.items.claim(message, terms),
  },
})

describe('a worker that meets a defect', () => {
  it('lets the message be redelivered, and sends no new message: its deliveries would count from one, and the request would never fail at the 20th', async () => {
    const { ports, create, invoke, deferred } = aWorker()
    const item = await create()

    expect(await invoke([aMessage(item)], failingClaimOf(ports, item.request_id, bug))).toEqual([0])
    expect(deferred()).toEqual([])
  })

  it('fails the affected request without a charge at its 20th delivery, and runs all other requests', async () => {
    const { ports, create, stored, invoke } = aWorker()
    const [cursed, other] = [await create(), await create()]
    const using = failingClaimOf(ports, cursed.request_id, bug)

    expect(await invoke([aMessage(cursed)], using, 19)).toEqual([0])
    expect(await stored(cursed)).toMatchObject({ status: 'queued' })
    expect(await invoke([aMessage(cursed), aMessage(other)], using, 20)).toEqual([])

    const failed = await stored(cursed)
    expect(failed).toMatchObject({ status: 'failed', error: { code: 'internal_error' } })
    expect(failed?.charge).toBeUndefined()
    const events = ports.queue.sent(RESULTS_QUEUE).map(({ body }) => body)
    expect(events).toContainEqual(expect.objectContaining({ type: 'ended', request_id: cursed.request_id }))
    expect(events).toContainEqual(expect.objectContaining({ type: 'outcome', request_id: other.request_id }))
  })

  it('fails no request because of an outage, however often the message was delivered', async () => {
    const { ports, create, stored, invoke } = aWorker()
    const item = await create()
    const using = failingClaimOf(ports, item.request_id, () => anOutage())

    expect(await invoke([aMessage(item)], using, 999)).toEqual([0])
    expect(await stored(item)).toMatchObject({ status: 'queued' })
  })

  it('publishes a failure of a claimed request at the second delivery, so the model is not called a third time', async () => {
    const { ports, create, invoke, outcomes } = aWorker()
    const item = await create()
    const response = () => Promise.reject(bug())
    const using = { ...ports, mappings: { ...ports.mappings, response } }

    expect(await invoke([aMessage(item)], using, 1)).toEqual([0])
    expect(outcomes()).toEqual([])
    const again = await create()
    expect(await invoke([aMessage(again)], using, 2)).toEqual([0])
    expect(outcomes()).toMatchObject([
      { request_id: again.request_id, status: 'failed', reached: true, error: { code: 'internal_error' } },
    ])
  })

  it('lets the message be redelivered if the request can’t be ended because of a further defect', async () => {
    const { ports, create, invoke } = aWorker()
    const item = await create()
    const broken = { ...failingClaimOf(ports, item.request_id, bug).items, get: () => Promise.reject(bug()) }

    expect(await invoke([aMessage(item)], { ...ports, items: broken }, 20)).toEqual([0])
  })

  it('publishes the outcome of a call even if the report to the flow control met a defect', async () => {
    const { ports, create, invoke, outcomes } = aWorker()
    const flowControl = { ...ports.flowControl, report: () => Promise.reject(bug()) }

    expect(await invoke([aMessage(await create())], { ...ports, flowControl })).toEqual([])

    expect(outcomes()).toMatchObject([{ status: 'completed' }])
  })

  it('publishes the answers of a batch that it already has if the permit for a further call meets a defect', async () => {
    const refuseAll = (prompts: readonly string[]) =>
      prompts.length > 2 ? failure({ code: 'model_rejected', status: 400 }) : echo(prompts)
    const { ports, messagesOf, invoke, byStatus, asked } = aBatchWorker(refuseAll)
    let permits = 0
    const permit = (ask: Ask) => (++permits > 2 ? Promise.reject(bug()) : ports.flowControl.permit(ask))
    const messages = await messagesOf(['a', 'b', 'c', 'd'])

    expect(await invoke(messages, { ...ports, flowControl: { ...ports.flowControl, permit } })).toEqual([])

    expect(asked).toHaveLength(2)
    expect(byStatus('completed')).toHaveLength(2)
  })

  it('publishes no failure of a request whose item is already queued again, since another worker may have claimed it', async () => {
    const { ports, create, stored, invoke, outcomes } = aWorker()
    const item = await create()
    const endpoint = { ...ports.endpoint, call: () => Promise.reject(anOutage()) }
    const send: WorkerPorts['queue']['send'] = (name, message) =>
      name === RESULTS_QUEUE ? ports.queue.send(name, message) : Promise.reject(bug())
    const queue = { ...ports.queue, send }

    expect(await invoke([aMessage(item)], { ...ports, endpoint, queue }, 5)).toEqual([0])

    expect(outcomes()).toEqual([])
    expect(await stored(item)).toMatchObject({ status: 'queued', attempt: 0 })
  })

  it('fails no request of a batch because of a defect that affects the whole batch, since another request may be the cause', async () => {
    const { ports, messagesOf, invoke, outcomes } = aBatchWorker()
    const endpoint = { ...ports.endpoint, call: () => Promise.reject(bug()) }
    const messages = await messagesOf(['a', 'b', 'c'])

    expect(await invoke(messages, { ...ports, endpoint }, 2)).toEqual([0, 1, 2])

    expect(outcomes()).toEqual([])
  })
})
