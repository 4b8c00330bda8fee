import { type Accepted, accept, acceptAgain } from '../core/admission/accept.ts'
import { admit } from '../core/admission/admit.ts'
import type { Prepared } from '../core/admission/prepare.ts'
import { refuse } from '../core/admission/refuse.ts'
import { RequestError } from '../core/domain/errors.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import type { GatewayPorts } from './ports.ts'

/** A key is given a new request when its old one turns out to have been taken back, which a retry rarely meets twice. */
const ROUNDS = 5

/**
 * Submits under an Idempotency-Key: the same key and body give the same request, charged once (I5), whatever became of
 * an earlier try. Whoever finds the key bound takes that request and finishes what is not done. Throws `RequestError`, 422
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
    if (item && item.status !== 'rejected') return acceptAgain(ports, item, first.submission)

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
  const verdict = await admit(ports, prepared, async () => undefined)
  if (verdict.admitted) return accept(ports, verdict, prepared.submission)
  // A twin with the same key may have been admitted, and have taken what was left.
  const twin = await ports.items.get(prepared.request.user_id, prepared.request.request_id)
  if (twin && twin.status !== 'rejected') return acceptAgain(ports, twin, prepared.submission)
  throw refuse(verdict, prepared, ports.clock())
}

const mismatch = () =>
  new RequestError(
    'idempotency_mismatch',
    'this Idempotency-Key was used with another body; use a new key for a new request',
  )
