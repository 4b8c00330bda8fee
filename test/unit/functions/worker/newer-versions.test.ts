import { expect, it, vi } from 'vitest'
import { NOW } from '../../../support/clock.ts'
import { aMessage, asReceived } from '../../../support/requests.ts'
import { aWorker } from '../../../support/worker.ts'

it('a worker lets a message of a newer version be redelivered, and neither runs it nor makes it a dead letter', async () => {
  const worker = aWorker()
  const item = await worker.create()
  const logger = { error: vi.fn(), info: () => undefined, warn: () => undefined }

  const again = await worker.invoke(
    [
      { ...aMessage(item), v: 2 },
      { v: 1, type: 'follow-up' },
    ],
    {
      ...worker.ports,
      logger,
    },
  )

  expect(again).toEqual([0, 1])
  expect(worker.asked).toEqual([])
  expect(worker.ports.queue.sent('results')).toEqual([])
  expect(logger.error.mock.calls.map(([, detail]) => detail)).toEqual([
    { message_id: 'message-0', type: 'inference', version: 2 },
    { message_id: 'message-1', type: 'follow-up', version: 1 },
  ])
})

it('a worker runs the other messages of an invocation with a message of a newer version', async () => {
  const worker = aWorker()
  const item = await worker.create()

  expect(await worker.invoke([{ v: 1, type: 'follow-up' }, aMessage(item)])).toEqual([0])
  expect(worker.outcomes()).toMatchObject([{ request_id: item.request_id, status: 'completed' }])
})

it('a worker runs a message with an unknown field of a newer version, and keeps the field when it sends the message again', async () => {
  const worker = aWorker()
  const item = await worker.create({ status: 'queued', not_before: NOW + 60_000 })
  const newer = { ...asReceived(aMessage(item)), more: { deep: [1] } }

  expect(await worker.invoke([newer])).toEqual([])

  expect(worker.deferred().map(({ body }) => body)).toEqual([newer])
})
