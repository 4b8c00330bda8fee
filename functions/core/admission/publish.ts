import { acceptedEvent, promptOf } from '../domain/events.ts'
import { identityOf, type RequestItem, reservationOf, traceAttributes } from '../domain/item.ts'
import type { InferenceMessage } from '../domain/messages.ts'
import type { Submission } from '../domain/submission.ts'
import { queueName, RESULTS_QUEUE } from '../queue/names.ts'
import { bodyKey } from '../stores/payloads/names.ts'
import { checkIn } from '../stores/payloads/port.ts'
import type { AdmissionPorts } from './ports.ts'

/**
 * Makes an admitted request durable: writes its item and sends its inference message and its `accepted` event, all at the same
 * time. Answers with the item that is there afterwards, which another try may have written first. A lost event is only counted,
 * since every later event carries as much. Rejects with `Unavailable` if the item or the message may be missing. `open` is about how many
 * requests the user has open, where that is counted.
 */
export async function publish(
  ports: AdmissionPorts,
  item: RequestItem,
  submission: Submission,
  open = 0,
): Promise<RequestItem> {
  const { items, queue, metrics, settings } = ports
  const plain = await messageOf(ports, item, submission)
  const givesWay = open > (settings.gives_way_above ?? Number.POSITIVE_INFINITY)
  const message: InferenceMessage = givesWay ? { ...plain, hints: { gives_way: true } } : plain
  const prompt = settings.store_prompts ? promptOf(message.body) : undefined
  const [created, sent, announced] = await Promise.allSettled([
    items.create(item),
    send(ports, message, item),
    queue.send(RESULTS_QUEUE, { body: acceptedEvent(message, prompt), group: item.user_id, ...traceAttributes(item) }),
  ])
  if (created.status === 'rejected') throw created.reason
  if (sent.status === 'rejected' && created.value.status !== 'rejected') throw sent.reason
  if (announced.status === 'rejected') metrics.add('LostAcceptedEvents', 1)
  return created.value
}

/** Sends the inference message of a queued request again. A duplicate does no harm; a request without a message would never run. */
export async function resend(ports: AdmissionPorts, item: RequestItem, submission: Submission): Promise<void> {
  await send(ports, await messageOf(ports, item, submission), item)
}

const send = ({ queue }: AdmissionPorts, message: InferenceMessage, item: RequestItem): Promise<void> =>
  queue.send(queueName(message.model, message.priority), {
    body: message,
    group: message.user_id,
    ...(message.hints?.gives_way && { gives_way: true }),
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
