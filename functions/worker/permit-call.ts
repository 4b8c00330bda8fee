import type { InferenceMessage } from '../core/domain/messages.ts'
import type { Ask, Permit, Report } from '../core/flow-control/port.ts'
import { MAX_SLOT_WAIT_MS, MIN_LEAD_TIME_MS } from '../core/flow-control/rate-limit.ts'
import type { ModelAnswer } from '../core/inference/port.ts'
import { pauseOf } from '../core/inference/retry.ts'
import type { WorkerPorts } from './ports.ts'
import type { AskedPermit, CallPermit, Granted, Invocation } from './types.ts'

/** Asks for the one call that these messages are to have. Rejects with `Unavailable`. */
export async function permitCall(
  ports: WorkerPorts,
  messages: readonly InferenceMessage[],
  { lease_until }: Invocation,
): Promise<CallPermit> {
  const slotOf = messages.find(({ hints }) => hints?.turn !== undefined && !ports.flowControl.isLate(hints.turn))
  const again = asCalledBefore(messages)
  const backlog = again && (messages.some(({ hints }) => hints?.has_waited) ? 'has waited' : 'joins')
  return { ...(await ask(ports, again, { slot: slotOf?.hints?.turn, backlog, until: lease_until })), slot_of: slotOf }
}

/** Asks for one more call for messages that have had one, and waits for its slot like `awaitPermit`. */
export async function permitFurtherCall(
  ports: WorkerPorts,
  messages: readonly InferenceMessage[],
  invocation: Invocation,
): Promise<Permit> {
  const again = asCalledBefore(messages)
  const asked = await ask(ports, again, { backlog: again, until: invocation.lease_until })
  return asked.granted ? awaitPermit(ports, asked, invocation) : asked
}

/**
 * The place in the backlog of a call that has had a slot. A request of high priority joins no backlog: the priorities have a
 * queue each, but one rate limit together, and an urgent request must not wait for a flood of others.
 */
const asCalledBefore = ([first]: readonly InferenceMessage[]): Ask['backlog'] =>
  first?.priority === 'high' ? undefined : 'has left'

async function ask({ flowControl, clock }: WorkerPorts, again: Ask['backlog'], what: Ask): Promise<AskedPermit> {
  const askedAt = clock()
  return { ...(await flowControl.permit(what)), asked_at: askedAt, again }
}

/** Whether a permit's call may be made now, or so soon that the worker waits for it. */
export const isDueSoon = ({ clock }: Pick<WorkerPorts, 'clock'>, permit: Permit): permit is Granted =>
  permit.granted && permit.at <= clock() + MAX_SLOT_WAIT_MS

/** A call that has missed so many slots is deferred. */
const MAX_MISSED_SLOTS = 3

/**
 * Waits until a permit's call may be made; everything else must be done by then. Answers with the permit that holds at that
 * time. That is another one if the time has passed, or something holds the call up meanwhile. It may be refused, or be for
 * later; then no probe of it is left. `mayUse` says whether the slot is still this call's.
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
    // After a short wait, the permit is as good as it was.
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

/** Asks for another permit in place of one. A probe that is not made now is given back, so that it holds up no other. */
async function askAgain(
  ports: WorkerPorts,
  permit: AskedPermit & Granted,
  what: Omit<Ask, 'backlog' | 'probe'>,
): Promise<AskedPermit> {
  const { probe, again } = permit
  const next = await ask(ports, again, { ...what, backlog: again, probe })
  if (probe !== undefined && !(next.granted && next.probe === probe)) await returnPermit(ports, permit)
  return next
}

/** Gives up the slot of a call that is always late. It has waited already, so it does not join the backlog anew. */
async function giveUpSlot(ports: WorkerPorts, permit: Granted): Promise<Permit> {
  await returnPermit(ports, permit)
  return { granted: false, until: ports.clock(), because: 'rate limited', isInBacklog: true }
}

/**
 * Reports how the calls of one permit came out. Any answer that is no failure of the model, even a refusal, shows that the
 * model is healthy.
 */
export function reportCalls(ports: WorkerPorts, { probe }: Granted, calls: readonly ModelAnswer[]): Promise<void> {
  const failures = calls.flatMap(call => (!call.ok && call.verdict === 'retry' ? [call] : []))
  ports.metrics.addMetric('ModelCalls', 'Count', calls.length)
  if (failures.length > 0) ports.metrics.addMetric('FailedCalls', 'Count', failures.length)
  const pause = Math.max(0, ...failures.map(pauseOf))
  // A 429 with a Retry-After pauses the calls. It does not say whether the model is healthy, so it counts as no failure.
  const counted = failures.filter(failure => failure.status !== 429 || pauseOf(failure) === 0)
  const isHealthy = failures.length < calls.length
  return report(ports, {
    findings: isHealthy ? 'healthy' : counted.length > 0 ? { failures: counted.length } : 'nothing',
    probe,
    pause_until: pause > 0 ? ports.clock() + pause : undefined,
  })
}

/** Gives a permit back that no call was made with. */
export const returnPermit = (ports: WorkerPorts, { probe }: Granted): Promise<void> =>
  report(ports, { findings: 'nothing', probe })

/** A report that fails is lost: it protects the model, and no outcome waits for it. A lost probe ends with its worker's lease. */
async function report({ flowControl, logger }: WorkerPorts, what: Report): Promise<void> {
  try {
    await flowControl.report(what)
  } catch (error) {
    logger.error('the result of a call could not be reported to the flow control', { error: error as Error })
  }
}
