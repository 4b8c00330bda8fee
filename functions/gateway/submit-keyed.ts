import { Unavailable } from '../platform/unavailable.ts'
import { RESULTS_QUEUE } from '../queue/names.ts'
import { ApiError } from '../requests/errors.ts'
import { endedEvent } from '../requests/events.ts'
import { type RequestItem, reservationOf } from '../requests/item.ts'
import { admit } from './admit.ts'
import type { GatewayPorts } from './ports.ts'
import type { Prepared } from './prepare.ts'
import { publish, resend } from './publish.ts'
import { quotaExceeded } from './quota-exceeded.ts'
import type { Accepted } from './submit-request.ts'

/** A key is given a new request when its old one turns out to have been taken back, which a retry rarely meets twice. */
const ROUNDS = 5

/**
 * Submits under an Idempotency-Key: the same key and body give the same request, charged once (I5), whatever became of
 * an earlier try. Whoever finds the key bound takes that request and finishes what is not done. Throws `ApiError`, 422
 * for another body, and `Unavailable`; then nothing is taken back, since the retry goes on where this stopped.
 */
export async function submitKeyed(ports: GatewayPorts, key: string, first: Prepared): Promise<Accepted> {
  const { keys, items, clock } = ports
  const { user_id, fingerprint } = first.request
  let bound = await keys.bind(user_id, key, first.request, clock())
  for (let round = 0; round < ROUNDS; round++) {
    if (bound.fingerprint !== fingerprint) throw mismatch()
    const isOurs = bound.request_id === first.request.request_id && round === 0
    const item = isOurs ? undefined : await items.get(user_id, bound.request_id)
    if (item && item.status !== 'rejected') return finish(ports, item, first)

    const attempt = { ...first, request: { ...first.request, request_id: bound.request_id } }
    const accepted = item ? undefined : await admitAndPublish(ports, attempt)
    if (accepted) return accepted
    const fresh = { request_id: ports.ids.request(clock()), fingerprint }
    bound = await keys.rebind(user_id, key, bound.request_id, fresh, clock())
  }
  throw new Unavailable('the idempotency key', new Error(`its request was taken back ${ROUNDS} times`))
}

/** Undefined when the request turns out to have been taken back: then the key needs another. */
async function admitAndPublish(ports: GatewayPorts, prepared: Prepared): Promise<Accepted | undefined> {
  const { items, quota, clock } = ports
  const verdict = await admit(ports, prepared, async () => undefined)
  if (!verdict.admitted) {
    // A twin with the same key may have been admitted, and have taken what was left.
    const twin = await items.get(prepared.request.user_id, prepared.request.request_id)
    if (twin && twin.status !== 'rejected') return finish(ports, twin, prepared)
    throw quotaExceeded(verdict, prepared, clock())
  }
  const own = verdict.item
  const item = await publish(ports, own, prepared.submission)
  if (item.status === 'rejected') {
    await announceRejected(ports, own)
    await quota.close([{ reservation: reservationOf(own) }])
    return undefined
  }
  if (!isHeldBy(item, own)) await quota.close([{ reservation: reservationOf(own) }])
  return { item, left: verdict.left }
}

/** Whether an item's reservation is ours; else a twin wrote it with its own, in another window or shard. */
const isHeldBy = (item: RequestItem, own: RequestItem): boolean =>
  item.window === own.window && item.shard === own.shard && item.nonce === own.nonce

/** Before our reservation goes, which would have brought somebody to do it: the `accepted` event may have made a row. */
async function announceRejected({ queue, clock }: GatewayPorts, own: RequestItem): Promise<void> {
  const event = endedEvent({ ...own, status: 'rejected', completed_at: clock() })
  if (event) await queue.send(RESULTS_QUEUE, { body: event, group: own.user_id })
}

/** The message of a request that is still queued may never have been sent. */
async function finish(ports: GatewayPorts, item: RequestItem, { submission }: Prepared): Promise<Accepted> {
  if (item.status === 'queued') await resend(ports, item, submission)
  return { item, left: undefined }
}

const mismatch = () =>
  new ApiError(
    'idempotency_mismatch',
    'this Idempotency-Key was used with another body; use a new key for a new request',
  )
