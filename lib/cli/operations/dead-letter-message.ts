import { fingerprintOf } from '../../../functions/core/admission/prepare.ts'
import { type RequestItem, reservationOf } from '../../../functions/core/domain/item.ts'
import { type InferenceMessage, keptMessage, type Payload } from '../../../functions/core/domain/messages.ts'
import { Submission } from '../../../functions/core/domain/submission.ts'
import type { RecordedDeadLetter } from '../../../functions/core/stores/ledger/dead-letters.ts'
import { bodyKey } from '../../../functions/core/stores/payloads/names.ts'
import type { Operator } from '../operator.ts'
import { Refusal } from '../refusal.ts'

type Ports = Pick<Operator, 'deadLetters' | 'ledger' | 'items' | 'payloads'>

/**
 * What a request's dead letters say was to be run. A request that was ended from outside left no message: it is made
 * again from what is known of it. Throws `Refusal` when that is not enough, and `Unavailable`.
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

/** A dead letter's id ends with its run. */
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
    body: await bodyOf(ports, item),
  }
}

/** A large body is stored whole. Of a small one the prompt is, from which some are known: the fingerprint tells. */
async function bodyOf({ ledger, payloads }: Ports, item: RequestItem): Promise<Payload> {
  const prompt = await ledger.prompt(item.request_id)
  if (prompt && 'inline' in prompt) {
    const { metadata, model, priority } = item
    const bodies = [{}, { model }, { model_type: model }].map(named =>
      Submission.safeParse({ prompt: prompt.inline, ...named, priority, metadata }),
    )
    const own = bodies.find(({ data }) => data && fingerprintOf(data) === item.fingerprint)?.data
    if (own) return { inline: own }
    throw new Refusal('only the prompt of its body is kept, and it had more: it has to be posted again')
  }
  const key = prompt?.key ?? bodyKey(item)
  if ((await payloads.get(key)) !== undefined) return { key }
  throw new Refusal('its body is not kept: it has to be posted again')
}
