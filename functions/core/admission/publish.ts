import { givesWay, goesToBulk } from '../domain/gives-way.ts'
import { identityOf, type RequestItem, reservationOf, traceAttributes } from '../domain/item.ts'
import type { InferenceMessage } from '../domain/messages.ts'
import type { Submission } from '../domain/submission.ts'
import { queueName } from '../queue/names.ts'
import { bodyKey } from '../stores/payloads/names.ts'
import { checkIn } from '../stores/payloads/port.ts'
import type { AdmissionPorts } from './ports.ts'

/**
 * Makes an admitted request durable: writes its item and sends its inference message, both at the same time. No event
 * is sent here: the ledger learns of the request when the request ends (docs/adr/0048). Returns the stored item. If
 * another try of the same call was faster, this is the item of that try. Rejects with `Unavailable` if the item or the
 * message may be missing, so that the client does not take the request for accepted. `open` is the approximate number
 * of the user's open requests, if it is counted.
 */
export async function publish(
  ports: AdmissionPorts,
  item: RequestItem,
  submission: Submission,
  open?: number,
): Promise<RequestItem> {
  const plain = await messageOf(ports, item, submission)
  const isOneOfMany = givesWay(open, ports.settings.gives_way_above)
  const message: InferenceMessage = isOneOfMany ? { ...plain, hints: { gives_way: true } } : plain
  const [created, sent] = await Promise.allSettled([ports.items.create(item), send(ports, message, item)])
  if (created.status === 'rejected') throw created.reason
  if (sent.status === 'rejected' && created.value.status !== 'rejected') throw sent.reason
  return created.value
}

/**
 * Sends the inference message of a queued request again, because a request without a message would never run. A
 * duplicate message does no harm, because the item lets only one worker claim the request.
 */
export async function resend(ports: AdmissionPorts, item: RequestItem, submission: Submission): Promise<void> {
  await send(ports, await messageOf(ports, item, submission), item)
}

const send = ({ queue }: AdmissionPorts, message: InferenceMessage, item: RequestItem): Promise<void> =>
  queue.send(queueName(message.model, message.priority), {
    body: message,
    group: message.user_id,
    ...(goesToBulk(message) && { gives_way: true }),
    ...traceAttributes(item),
  })

async function messageOf(
  { payloads }: AdmissionPorts,
  item: RequestItem,
  submission: Submission,
): Promise<InferenceMessage> {
  return {
    v: 1,
    type: 'inference',
    ...reservationOf(item),
    ...identityOf(item),
    metadata: item.metadata,
    body: await checkIn(payloads, bodyKey(item), submission.body),
    ...(submission.operation && { operation: submission.operation }),
  }
}
