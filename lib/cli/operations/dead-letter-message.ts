import * as z from 'zod'
import { isFingerprintOf } from '../../../functions/core/admission/fingerprint.ts'
import { type RequestItem, reservationOf } from '../../../functions/core/domain/item.ts'
import { type InferenceMessage, keptMessage } from '../../../functions/core/domain/messages.ts'
import { Operation } from '../../../functions/core/domain/operation.ts'
import { InferenceBody } from '../../../functions/core/inference-api/body.ts'
import type { RecordedDeadLetter } from '../../../functions/core/stores/ledger/dead-letters.ts'
import { bodyKey } from '../../../functions/core/stores/payloads/names.ts'
import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'

type Ports = Pick<Admin, 'deadLetters' | 'ledger' | 'items' | 'payloads'>

/**
 * Returns the message with which a request runs again, from its dead letters. If the request did not end in a worker,
 * its dead letters have no message. Then the message is made again from the stored data. Throws `Refusal` if the data is not enough,
 * and `Unavailable` if a service can't be reached.
 */
export async function messageOf(ports: Ports, letters: readonly RecordedDeadLetter[]): Promise<InferenceMessage> {
  const newestFirst = letters.toSorted((a, b) => b.at - a.at)
  const [newest] = newestFirst
  for (const { id } of newestFirst) {
    const message = keptMessage(await ports.deadLetters.message(id))
    if (message && newest) return { ...message, run: runOf(newest) }
  }
  if (!newest?.request_id) throw new Refusal('nobody can read it: it can only be discarded')
  return madeAgain(ports, newest.request_id, runOf(newest))
}

/** Returns the number of a dead letter's run. The id of the dead letter ends with this number. */
const runOf = ({ id }: RecordedDeadLetter): number => Number(id.split(':').at(-1))

async function madeAgain(ports: Ports, requestId: string, run: number): Promise<InferenceMessage> {
  const row = await ports.ledger.show(requestId)
  const item = row && (await ports.items.get(row.user_id, requestId))
  if (!item) throw new Refusal('its request item is gone: it can only be discarded')
  const { model, priority, fingerprint, created_at, deadline, metadata } = item
  return {
    v: 1,
    type: 'inference',
    ...reservationOf(item),
    run,
    model,
    priority,
    fingerprint,
    created_at,
    deadline,
    metadata,
    ...(await bodyOf(ports, item)),
  }
}

/**
 * Returns the stored body, and its operation of the OpenAI API, which is a part of its fingerprint. For a small body,
 * only the prompt is stored. Some bodies can be made again from the prompt. The fingerprint of the request shows whether
 * the new body is equal to the original.
 */
async function bodyOf(
  { ledger, payloads }: Ports,
  item: RequestItem,
): Promise<Pick<InferenceMessage, 'body' | 'operation'>> {
  const prompt = await ledger.prompt(item.request_id)
  if (prompt && 'inline' in prompt) {
    const { metadata, model, priority } = item
    const bodies = [{}, { model }, { model_type: model }].map(named =>
      InferenceBody.safeParse({ prompt: prompt.inline, ...named, priority, metadata }),
    )
    const own = bodies.find(({ data }) => data && isFingerprintOf(item.fingerprint, data))?.data
    if (own) return { body: { inline: own } }
    throw new Refusal('only the prompt of its body is kept, and it had more: it has to be posted again')
  }
  const key = prompt?.key ?? bodyKey(item)
  const stored = await payloads.get(key)
  if (stored === undefined) throw new Refusal('its body is not kept: it has to be posted again')
  const body = z.record(z.string(), z.unknown()).safeParse(stored).data
  const operation = Operation.options.find(one => body && isFingerprintOf(item.fingerprint, body, one))
  return { body: { key }, ...(operation && { operation }) }
}
