import { type Accepted, accept, acceptAgain } from '../core/admission/accept.ts'
import { admit } from '../core/admission/admit.ts'
import { isFingerprintOf } from '../core/admission/fingerprint.ts'
import type { Prepared } from '../core/admission/prepare.ts'
import { refuse } from '../core/admission/refuse.ts'
import { submitBound } from '../core/admission/submit-bound.ts'
import { RequestError } from '../core/domain/errors.ts'
import { leftOf } from '../core/domain/limits.ts'
import { goOnAfter } from '../core/platform/unavailable.ts'
import type { KeyedRequest } from '../core/stores/idempotency/port.ts'
import type { GatewayPorts } from './ports.ts'

/**
 * Submits under an Idempotency-Key. The same key and body give the same request, charged once (I5), however an earlier
 * try has ended. Throws `RequestError`, also if the key was used with another body. If it throws `Unavailable`, a retry
 * continues where this try stopped.
 */
export async function submitKeyed(ports: GatewayPorts, key: string, prepared: Prepared): Promise<Accepted> {
  const { keys, clock } = ports
  const { submission } = prepared
  const { user_id, request_id, fingerprint } = prepared.request
  const ofThisBody = (bound: KeyedRequest): KeyedRequest => {
    const isSame =
      bound.fingerprint === fingerprint || isFingerprintOf(bound.fingerprint, submission.body, submission.operation)
    if (!isSame) throw mismatch()
    return bound
  }
  const accepted = await submitBound(
    ports,
    {
      user_id,
      submission,
      bind: async id => ofThisBody(await keys.bind(user_id, key, { request_id: id, fingerprint }, clock())),
      rebind: async (from, id) =>
        ofThisBody(await keys.rebind(user_id, key, from, { request_id: id, fingerprint }, clock())),
      admit: id => admitAndPublish(ports, { ...prepared, request: { ...prepared.request, request_id: id } }),
    },
    request_id,
  )
  return { ...accepted, left: accepted.left ?? (await leftNow(ports, prepared)) }
}

/**
 * Reads the remaining amounts of the user for the answer to a replay, because it has the same headers as the first
 * answer. Returns undefined if they are not known exactly: the plan has several shards, or the counters can't be read.
 */
async function leftNow(
  { quota, logger }: GatewayPorts,
  { limits, shards, request: { user_id, window, shard } }: Prepared,
): Promise<Accepted['left']> {
  if (shards > 1) return undefined
  try {
    return leftOf(limits, await quota.read(user_id, window, shard))
  } catch (error) {
    goOnAfter(error, logger, 'the answer to a replay has no RateLimit, because the counters were not read', { user_id })
    return undefined
  }
}

/**
 * Admits a request and makes it durable. Returns undefined if the request was withdrawn: then the key needs another
 * request.
 */
async function admitAndPublish(ports: GatewayPorts, prepared: Prepared): Promise<Accepted | undefined> {
  const verdict = await admit(ports, prepared, async () => undefined)
  if (verdict.admitted) return accept(ports, verdict, prepared.submission)
  // Another try with the same key may have been admitted meanwhile, and may have used up the rest of the quota. Then
  // this call gets that request, and no refusal (rule 7).
  const twin = await ports.items.get(prepared.request.user_id, prepared.request.request_id)
  if (twin && twin.status !== 'rejected') return acceptAgain(ports, twin, prepared.submission)
  throw refuse(verdict, prepared, ports.clock())
}

const mismatch = () =>
  new RequestError(
    'idempotency_mismatch',
    'this Idempotency-Key was used with another body; use a new key for a new request',
  )
