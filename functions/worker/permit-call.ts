import type { InferenceMessage } from '../core/domain/messages.ts'
import type { Ask, Permit } from '../core/flow-control/port.ts'
import { MAX_SLOT_WAIT_MS, MIN_LEAD_TIME_MS } from '../core/flow-control/rate-limit.ts'
import type { WorkerPorts } from './ports.ts'
import { returnPermit } from './report-calls.ts'
import type { AboutCall, AskedPermit, CallPermit, Granted, Invocation } from './types.ts'

/**
 * How long a worker waits for the end of another call before it defers its message, if the model takes one call at a
 * time. Milliseconds.
 */
const MAX_WAIT_FOR_LEASE_MS = 10_000
/** The first and the longest pause between two questions for a permit during this wait. Milliseconds. */
const LOOK_AGAIN_MS = { first: 50, longest: 500 }

/**
 * Asks for a permit for one call with these messages. If the model takes one call at a time and is busy, it waits up to
 * 10 seconds for the end of the other call. A deferral would leave the model idle between two calls, because queues
 * delay messages by whole seconds. Rejects with `Unavailable` if the service can't be reached.
 */
export async function permitCall(
  ports: WorkerPorts,
  messages: readonly InferenceMessage[],
  invocation: Invocation,
): Promise<CallPermit> {
  const waitsUntil = ports.clock() + MAX_WAIT_FOR_LEASE_MS
  for (let wait = LOOK_AGAIN_MS.first; ; wait = Math.min(2 * wait, LOOK_AGAIN_MS.longest)) {
    const permit = await askForCall(ports, messages, invocation)
    if (permit.granted || permit.because !== 'busy' || ports.clock() + wait > waitsUntil) return permit
    await ports.sleep(wait)
  }
}

async function askForCall(
  ports: WorkerPorts,
  messages: readonly InferenceMessage[],
  { lease_until }: Invocation,
): Promise<CallPermit> {
  const slotOf = messages.find(({ hints }) => hints?.turn !== undefined && !ports.flowControl.isLate(hints.turn))
  const again = asCalledBefore(messages)
  const backlog = again && (messages.some(({ hints }) => hints?.has_waited) ? 'has waited' : 'joins')
  const what: Ask = { slot: slotOf?.hints?.turn, backlog, until: lease_until }
  return { ...(await ask(ports, again, what, aboutCallOf(messages))), slot_of: slotOf }
}

/**
 * Returns the users of a call's requests, and its priority. Each queue has one priority, so all messages of a call have
 * the same.
 */
const aboutCallOf = (messages: readonly InferenceMessage[]): AboutCall => ({
  users: messages.map(({ user_id }) => user_id),
  priority: messages[0]?.priority,
})

/**
 * Asks for a permit for one more call with the same messages. If the model takes one call at a time, the first call
 * holds a lease (the right to call), and the further call is made under this lease. Waits for its slot like
 * `awaitPermit`.
 */
export async function permitFurtherCall(
  ports: WorkerPorts,
  messages: readonly InferenceMessage[],
  { lease }: Granted,
  invocation: Invocation,
): Promise<Permit> {
  const again = asCalledBefore(messages)
  const asked = await ask(ports, again, { backlog: again, lease, until: invocation.lease_until }, aboutCallOf(messages))
  return asked.granted ? awaitPermit(ports, asked, invocation) : asked
}

/**
 * Returns the value of `Ask.backlog` for a call that has already had a slot: `has left`, so that it need not wait in
 * the backlog again (among the requests that wait for a slot of the rate limit). It is undefined for a request of high
 * priority, which never joins the backlog. Both priorities share one rate limit, and an urgent request must not wait
 * behind many others.
 */
const asCalledBefore = ([first]: readonly InferenceMessage[]): Ask['backlog'] =>
  first?.priority === 'high' ? undefined : 'has left'

async function ask(
  { flowControl, clock }: WorkerPorts,
  again: Ask['backlog'],
  what: Ask,
  about: AboutCall,
): Promise<AskedPermit> {
  const askedAt = clock()
  return { ...(await flowControl.permit({ ...what, ...about })), asked_at: askedAt, again, about }
}

/** Returns whether the call of a permit may be made now, or so soon that the worker waits for that time. */
export const isDueSoon = ({ clock }: Pick<WorkerPorts, 'clock'>, permit: Permit): permit is Granted =>
  permit.granted && permit.at <= clock() + MAX_SLOT_WAIT_MS

/**
 * The number of missed slots after which a call is deferred. No other call can use a missed slot, so each of them
 * lowers the throughput of the model.
 */
const MAX_MISSED_SLOTS = 3

/**
 * Waits until the call of a permit may be made. All other preparations of the call must be finished before, so that the
 * call does not miss its slot. Returns the permit that holds after the wait. It is a new permit if the slot has passed,
 * or if the model was halted or paused or its circuit has opened meanwhile. A permit may include a probe, i.e. the
 * right to make the one call that tests a stopped model. If the returned permit is refused or is for a later time, the
 * probe was already returned, so that another call can use it. With `mayUse` false, another worker may have made a call
 * in the slot of the given permit. So this slot is not used, and the worker asks for another permit at once.
 */
export async function awaitPermit(
  ports: WorkerPorts,
  permit: AskedPermit & Granted,
  { lease_until }: Invocation,
  mayUse = true,
): Promise<Permit> {
  const { flowControl, clock, sleep } = ports
  let current: AskedPermit = mayUse ? permit : await askAgain(ports, permit, { until: lease_until })
  let missed = 0
  while (isDueSoon(ports, current)) {
    const readyAt = clock()
    const wait = current.at - readyAt
    if (wait > 0) await sleep(wait)
    const isLate = flowControl.isLate(current.at)
    // After a short wait, the permit still holds. After a longer wait, the worker asks again, because the model may
    // have been halted or paused meanwhile.
    if (!isLate && wait <= MIN_LEAD_TIME_MS) {
      if (current.at > clock()) continue // The timer was early.
      return current
    }
    if (isLate && ++missed === MAX_MISSED_SLOTS) return giveUpSlot(ports, current)
    const hint = isLate ? { took: readyAt - current.asked_at } : { slot: current.at }
    current = await askAgain(ports, current, { ...hint, until: lease_until })
  }
  return current
}

/**
 * Asks for a new permit in place of an old one. If the new permit does not use the probe or the lease of the old
 * permit, the probe or the lease is returned, so that it blocks no other call.
 */
async function askAgain(
  ports: WorkerPorts,
  permit: AskedPermit & Granted,
  what: Omit<Ask, 'backlog' | 'probe' | 'lease'>,
): Promise<AskedPermit> {
  const { probe, lease, again, about } = permit
  const next = await ask(ports, again, { ...what, backlog: again, probe, lease }, about)
  const left = unusedOf(permit, next)
  if (left.probe !== undefined || left.lease !== undefined) await returnPermit(ports, { ...permit, ...left })
  return next
}

/** Returns the probe and the lease that the next permit has not taken over. */
function unusedOf({ probe, lease }: Granted, next: Permit): Pick<Granted, 'probe' | 'lease'> {
  const kept: Pick<Granted, 'probe' | 'lease'> = next.granted ? next : {}
  return { probe: kept.probe === probe ? undefined : probe, lease: kept.lease === lease ? undefined : lease }
}

/**
 * Gives up the slot of a call that has missed several slots in a row. The call has already waited, so its next delivery
 * counts as one that has waited in the backlog, and does not join the backlog again.
 */
async function giveUpSlot(ports: WorkerPorts, permit: Granted): Promise<Permit> {
  await returnPermit(ports, permit)
  return { granted: false, until: ports.clock(), because: 'rate limited', isInBacklog: true }
}
