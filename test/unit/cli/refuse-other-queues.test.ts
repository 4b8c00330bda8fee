import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { type RequestItem, reservationOf } from '../../../functions/core/domain/item.ts'
import { refuseOtherQueues } from '../../../lib/refuse-other-queues.ts'
import { NOW } from '../../support/clock.ts'
import { anItem } from '../../support/requests.ts'

/** A system in which these requests are open. */
const withOpen = (...items: RequestItem[]) => ({
  openReservations: async function* () {
    yield items.map(item => ({ reservation: reservationOf(item), at: NOW }))
  },
  itemsOf: async () => items,
})

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-queues-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return folder
}

it('while a request of the data folder is open, a start with another queue backend is refused, since the message of the request is in the old queues; the error says what to do', async () => {
  const folder = newFolder()
  await refuseOtherQueues(withOpen(), folder, 'sqs')

  const moving = () => refuseOtherQueues(withOpen(anItem({ status: 'completed' })), folder, 'rabbitmq')
  await expect(moving).rejects.toThrow(
    `1 request has not ended in ${folder}, and the messages are in queues of SQS: start with queue.backend sqs until all have ended (docs/queues.md), or choose another folder with SLUICE_DATA.`,
  )
  // The refused start has not stored the new backend, so a second start is refused, too.
  await expect(moving).rejects.toThrow('queues of SQS')
})

it('a start with the same queue backend is accepted, and a start with another backend once all requests have ended', async () => {
  const folder = newFolder()
  await refuseOtherQueues(withOpen(anItem({})), folder, 'sqs')
  await refuseOtherQueues(withOpen(anItem({})), folder, 'sqs')

  await refuseOtherQueues(withOpen(), folder, 'rabbitmq')

  await expect(refuseOtherQueues(withOpen(anItem({}), anItem({})), folder, 'sqs')).rejects.toThrow(
    /^2 requests have not ended .* queues of RabbitMQ: start with queue\.backend rabbitmq /,
  )
})
