import type { InferenceMessage } from '../core/domain/messages.ts'
import type { Ask, Hindrance, Permit } from '../core/flow-control/port.ts'
import { LEAD_MS, SOON_MS } from '../core/flow-control/rate-limit.ts'
import { sendForTurn, sendLater, withHints } from './defer.ts'
import type { Invocation, WorkerPorts } from './ports.ts'
import { reportNoCall } from './report-calls.ts'
import type { Granted } from './types.ts'

/** A permit, when it was asked for (epoch milliseconds), and as what its call would ask for another one. */
type Asked = Permit & { readonly asked_at: number; readonly again: Ask['line'] }

/** A permit, and the message that had brought its turn along, if one has. */
export type CallPermit = Asked & { readonly turn_of?: InferenceMessage | undefined }

/** What comes back when a circuit closes must not come back at once: it is spread over a quarter of the wait, at most. */
const SPREAD = 0.25
const LONGEST_SPREAD_MS = 5_000

/** Asks for the one call that these messages are to have. Rejects with `Unavailable`. */
export async function askPermit(
  ports: WorkerPorts,
  messages: readonly InferenceMessage[],
  { lease_until }: Invocation,
): Promise<CallPermit> {
  const turn_of = messages.find(({ hints }) => hints?.turn !== undefined && !ports.guard.isLate(hints.turn))
  const again = asAgain(messages)
  const line = again && (messages.some(({ hints }) => hints?.has_waited) ? 'has waited' : 'joins')
  return { ...(await ask(ports, again, { turn: turn_of?.hints?.turn, line, until: lease_until })), turn_of }
}

/** Asks for one more call of messages that have had one, and waits for its turn: as `awaitTurn`. */
export async function awaitFurther(
  ports: WorkerPorts,
  messages: readonly InferenceMessage[],
  invocation: Invocation,
): Promise<Permit> {
  const again = asAgain(messages)
  const asked = await ask(ports, again, { line: again, until: invocation.lease_until })
  return asked.granted ? awaitTurn(ports, asked, invocation) : asked
}

/**
 * As what a call asks that has had a turn. Each priority has a queue of its own, but a model has one rate limit: what is
 * urgent must not wait for a flood of others.
 */
const asAgain = ([first]: readonly InferenceMessage[]): Ask['line'] =>
  first?.priority === 'high' ? undefined : 'has left'

async function ask({ guard, clock }: WorkerPorts, again: Ask['line'], what: Ask): Promise<Asked> {
  const asked_at = clock()
  return { ...(await guard.permit(what)), asked_at, again }
}

/** Whether the time of a permit is now, or so soon that it is waited for. */
export const isSoon = ({ clock }: Pick<WorkerPorts, 'clock'>, permit: Permit): permit is Granted =>
  permit.granted && permit.at <= clock() + SOON_MS

/** A name a reason, not a dimension: all that an invocation counts is one log line then. */
const DEFERRED: Readonly<Record<Hindrance, string>> = {
  open: 'DeferredByCircuit',
  paused: 'DeferredByPause',
  'rate limited': 'DeferredByRateLimit',
}

/**
 * Puts a message back until its call may be made. One call has one turn: the first of its messages takes it along, and the
 * others come back with it.
 */
export function putBackFor(
  ports: WorkerPorts,
  message: InferenceMessage,
  permit: Permit,
  isFirst: boolean,
): Promise<void> {
  ports.metrics.addMetric(DEFERRED[permit.granted ? 'rate limited' : permit.because], 'Count', 1)
  if (permit.granted)
    return sendForTurn(ports, withHints(message, { turn: isFirst ? permit.at : undefined }), permit.at)
  const { because, isInLine } = permit
  const until = because === 'rate limited' ? permit.until : spread(ports, permit.until)
  const hints = { turn: undefined, ...(isInLine ? { has_waited: true } : {}) }
  return sendLater(ports, withHints(message, hints), Math.min(until, message.deadline))
}

function spread({ clock, random }: WorkerPorts, until: number): number {
  return until + random() * longestSpread(until - clock())
}

const longestSpread = (wait: number): number => Math.min(LONGEST_SPREAD_MS, SPREAD * wait)

/** Messages that are put back come up to so much late, since queues count in seconds. Milliseconds. */
const ROUNDING_MS = 1_000

/**
 * When a request whose call has just failed may be the one that finds out whether the model is back: after all others. It
 * would often be the next one again otherwise, and an outage would take all of its attempts. Epoch milliseconds.
 */
export function afterOthers({ guard, clock }: Pick<WorkerPorts, 'guard' | 'clock'>): number {
  const [until, now] = [guard.openUntil() ?? 0, clock()]
  return until > now ? until + Math.ceil(longestSpread(until - now)) + ROUNDING_MS : now
}

/** A call that has missed so many turns is left for later. */
const MOST_MISSED = 3

/**
 * Waits for the time of a permit, with everything else done. Answers with the permit that holds then: another one, if
 * there has been a hindrance meanwhile, or its time has passed. That may not be granted, or only for later: then no probe
 * is left of it. `mayUse` says whether the turn is still this call's.
 */
export async function awaitTurn(
  ports: WorkerPorts,
  permit: Asked & Granted,
  { lease_until }: Invocation,
  mayUse = true,
): Promise<Permit> {
  const { guard, clock, sleep } = ports
  let current: Asked = mayUse ? permit : await askAgain(ports, permit, { until: lease_until })
  let missed = 0
  while (isSoon(ports, current)) {
    const ready_at = clock()
    const wait = current.at - ready_at
    if (wait > 0) await sleep(wait)
    const isLate = guard.isLate(current.at)
    // What has not waited long is as good as it was.
    if (!isLate && wait <= LEAD_MS) {
      if (current.at > clock()) continue // a timer was early
      return current
    }
    if (isLate && ++missed === MOST_MISSED) return leaveForLater(ports, current)
    const hint = isLate ? { took: ready_at - current.asked_at } : { turn: current.at }
    current = await askAgain(ports, current, { ...hint, until: lease_until })
  }
  return current
}

/** Asks for another permit in place of one; a probe that is not made now must not hold up others. */
async function askAgain(
  ports: WorkerPorts,
  permit: Asked & Granted,
  what: Omit<Ask, 'line' | 'probe'>,
): Promise<Asked> {
  const { probe, again } = permit
  const next = await ask(ports, again, { ...what, line: again, probe })
  if (probe !== undefined && !(next.granted && next.probe === probe)) await reportNoCall(ports, permit)
  return next
}

/** It has waited for its turns: it does not join the line anew. */
async function leaveForLater(ports: WorkerPorts, permit: Granted): Promise<Permit> {
  await reportNoCall(ports, permit)
  return { granted: false, until: ports.clock(), because: 'rate limited', isInLine: true }
}
