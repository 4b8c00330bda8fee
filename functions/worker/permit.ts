import { type Permit, SOON_MS } from '../guard/port.ts'
import type { InferenceMessage } from '../requests/messages.ts'
import type { Invocation, WorkerPorts } from './ports.ts'
import { defer, deferToTurn, withHints } from './put-back.ts'
import { reportNoCall } from './report-calls.ts'

export type Granted = Permit & { readonly granted: true }

/** A permit, and the message that had brought its turn along, if one had. */
export type CallPermit = Granted & { readonly turn_of?: InferenceMessage | undefined }

/** What comes back when a circuit closes must not come back at once: it is spread over a quarter of the wait, at most. */
const SPREAD = 0.25
const LONGEST_SPREAD_MS = 5_000

/**
 * Asks for the one call that these messages are to have. Answers with a permit that may be used now or soon; without one,
 * all of them have been put back until they may ask again. Rejects with `Unavailable`.
 */
export async function getPermit(
  ports: WorkerPorts,
  messages: readonly InferenceMessage[],
  { lease_until }: Invocation,
): Promise<CallPermit | undefined> {
  const { guard, clock } = ports
  const turn_of = messages.find(({ hints }) => hints?.turn !== undefined && !guard.isLate(hints.turn))
  const permit = await guard.permit({ turn: turn_of?.hints?.turn, until: lease_until })
  if (permit.granted && permit.at <= clock() + SOON_MS) return { ...permit, turn_of }
  await Promise.all(messages.map((message, i) => putBackFor(ports, message, permit, i === 0)))
  return undefined
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
  if (permit.granted)
    return deferToTurn(ports, withHints(message, { turn: isFirst ? permit.at : undefined }), permit.at)
  const until = Math.min(spread(ports, permit.until), message.deadline)
  return defer(ports, withHints(message, { turn: undefined }), until)
}

function spread({ clock, random }: WorkerPorts, until: number): number {
  return until + random() * Math.min(LONGEST_SPREAD_MS, SPREAD * (until - clock()))
}

/**
 * Waits for the time of a permit, with everything else done. Answers with the permit that holds then: another one, if
 * there has been a hindrance meanwhile, or its time has passed. That may not be granted, or only for later: then no probe
 * is left of it. `mayUse` says whether the turn is still this call's.
 */
export async function awaitTurn(
  ports: WorkerPorts,
  permit: Granted,
  invocation: Invocation,
  mayUse = true,
): Promise<Permit> {
  const { guard, clock, sleep } = ports
  let current: Permit = mayUse ? permit : await askAgain(ports, permit, undefined, invocation)
  while (current.granted && current.at <= clock() + SOON_MS) {
    const wait = current.at - clock()
    if (wait > 0) await sleep(wait)
    const isLate = guard.isLate(current.at)
    if (!isLate && (wait <= 0 || current.probe !== undefined)) return current
    current = await askAgain(ports, current, isLate ? undefined : current.at, invocation)
  }
  return current
}

/** Asks for another permit in place of one; a probe that is not made now must not hold up others. */
async function askAgain(
  ports: WorkerPorts,
  permit: Granted,
  turn: number | undefined,
  { lease_until }: Invocation,
): Promise<Permit> {
  const { probe } = permit
  const next = await ports.guard.permit({ turn, probe, until: lease_until })
  if (probe !== undefined && !(next.granted && next.probe === probe)) await reportNoCall(ports, permit)
  return next
}
