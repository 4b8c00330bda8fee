import type { Invocation } from '../invocation.ts'
import type { Queues, Sent } from '../queues.ts'
import type { Known } from './known.ts'

/**
 * The most deferrals of a message during one opening of the circuit: one until the open time is over, three while a probe runs, and one
 * for a lease or a backoff. (A probe is a call that tests whether the model works again. While it runs, other requests are deferred.) A deferral
 * during a probe lasts as long as the probe has run so far: at least one second, at most the open time.
 */
const MOST = 5

/** Makes a check that counts the deferrals of each request per opening of the circuit. Each deferral is billed, so no message may be deferred without end. */
export function createDeferralCheck(known: Known, queues: Queues) {
  const counts = new Map<string, { sends: number; copies: number }>()
  const copiesOf = (requestId: string): number =>
    [...queues.stored.values()].reduce(
      (sum, { messages }) =>
        sum + [...messages.values()].filter(({ body }) => isInference(body) && body.includes(requestId)).length,
      0,
    )

  function count(by: Invocation, requestId: string, opening: number, openMs: number): void {
    const key = `${requestId} ${opening}`
    const { sends, copies } = counts.get(key) ?? { sends: 0, copies: 1 }
    const now = { sends: sends + 1, copies: Math.max(copies, copiesOf(requestId)) }
    counts.set(key, now)
    const probedFor = Math.max(0, known.world.clock() - opening)
    if (now.sends > now.copies * (MOST + probedFor / openMs))
      known.world.violate(`${by.name} puts ${requestId} back for the ${now.sends}th time while the circuit is open`)
  }

  /** Is called with each sent message. Messages are counted only when the faults have stopped, because a fault may deliver a message early. */
  return (by: Invocation, { body, delay_seconds }: Sent): void => {
    const { state, policies } = known.protection
    if (!known.world.isAtRest() || by.kind !== 'worker' || !state?.open || state.halted || !policies.circuit) return
    // A worker sends a message without a delay only to run it in another invocation. This is not a deferral, so it is not counted.
    if (delay_seconds > 0 && isInference(body))
      count(by, JSON.parse(body).request_id, state.open.until, policies.circuit.open_ms)
  }
}

const isInference = (body: string): boolean => body.includes('"type":"inference"')
