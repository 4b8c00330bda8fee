import { viewOf } from '../../../functions/core/flow-control/admin.ts'
import { isOpenFor } from '../../../functions/core/flow-control/circuit-breaker.ts'
import { type ModelState, UNTOUCHED } from '../../../functions/core/flow-control/state.ts'
import { marksOf } from '../../../functions/core/flow-control/users.ts'
import { iso } from '../../../functions/core/platform/clock.ts'
import { ignoreUnavailable } from '../../../functions/core/platform/unavailable.ts'
import { queueName } from '../../../functions/core/queue/names.ts'
import type { Admin } from '../admin.ts'
import { type LastFailureView, lastFailureOf } from './last-failure.ts'

/** The reason why a request waits. */
export interface Waits {
  /** `retry`: its last attempt failed. `queue`: nothing defers the model's calls, but messages of other requests are first. */
  readonly because: 'halted' | 'open' | 'paused' | 'retry' | 'rate limited' | 'queue'
  /** The time at which it may continue, in the form of ISO 8601. Absent if it is not known. */
  readonly until?: string | undefined
  /** The reason, in a sentence without its full stop. */
  readonly sentence: string
  /** The last failed call of the request's model. It may be a call of another request. */
  readonly last_failure?: LastFailureView | undefined
}

export type WaitingPorts = Pick<Admin, 'modelStates' | 'models' | 'failures' | 'countWaiting' | 'clock'>

interface Waiting {
  readonly model: string
  readonly user: string
  readonly priority: string
  readonly attempts: number
  readonly not_before?: string | undefined
}

/** Says why a queued request waits. It gives the first reason that applies. Rejects with `Unavailable` if the service can't be reached. */
export async function whyItWaits(ports: WaitingPorts, request: Waiting): Promise<Waits> {
  const { modelStates, failures, clock } = ports
  const [state = UNTOUCHED, failure] = await Promise.all([
    modelStates.read(request.model),
    failures.last(request.model),
  ])
  const reason = heldUp(ports, request, state, clock()) ?? (await inQueue(ports, request))
  return { ...reason, ...(failure && { last_failure: lastFailureOf(failure) }) }
}

type Reason = Omit<Waits, 'last_failure'>

function heldUp({ models }: WaitingPorts, request: Waiting, state: ModelState, now: number): Reason | undefined {
  const { model, user, not_before, attempts } = request
  const { halted, circuit, paused_until, rate_limit } = viewOf(state, now, models[model] ?? {})
  if (halted) {
    const until = iso(halted.until)
    const what = `the model ${model} is halted since ${iso(halted.since)}, and is tried again at ${until}`
    return { because: 'halted', until, sentence: `${what}. The reason: ${halted.reason}` }
  }
  if ((circuit.state === 'open' || circuit.state === 'half_open') && isOpenFor(state, marksOf([user]))) {
    const until = iso(circuit.until)
    const when = until === undefined ? 'now by one call' : `at ${until}`
    return { because: 'open', until, sentence: `the circuit of ${model} is open: the model is tried again ${when}` }
  }
  if (paused_until !== undefined) {
    const until = iso(paused_until)
    return { because: 'paused', until, sentence: `the model ${model} has asked for no calls until ${until}` }
  }
  if (not_before !== undefined && Date.parse(not_before) > now)
    return {
      because: 'retry',
      until: not_before,
      sentence: `attempt ${attempts} failed: the next one begins at ${not_before}`,
    }
  if (rate_limit && Math.max(rate_limit.next, rate_limit.backlog ?? 0) > now) {
    const until = iso(Math.max(rate_limit.next, rate_limit.backlog ?? 0))
    const sentence = `the rate limit of ${model} is used up: its next free slot is at about ${until}`
    return { because: 'rate limited', until, sentence }
  }
  return undefined
}

async function inQueue({ countWaiting }: WaitingPorts, { model, priority }: Waiting): Promise<Reason> {
  const count = await countWaiting(queueName(model, priority === 'high' ? 'high' : 'normal')).catch(ignoreUnavailable)
  const before = count === undefined ? '' : `: about ${count} messages of priority ${priority} wait for the model`
  return { because: 'queue', sentence: `nothing holds it up but its queue${before}` }
}
