import { type Permit, SOON_MS } from '../guard/port.ts'
import type { InferenceMessage } from '../requests/messages.ts'
import type { Invocation, WorkerPorts } from './ports.ts'
import { defer, deferToTurn, withHints } from './put-back.ts'
import { reportNoCall } from './report-calls.ts'

export type Granted = Permit & { readonly granted: true }

/** What comes back when a circuit closes must not come back at once: it is spread over a quarter of the wait, at most. */
const SPREAD = 0.25
const LONGEST_SPREAD_MS = 5_000

/** Asks for the one call that these messages are to have. Rejects with `Unavailable`. */
export function askPermit(
  { guard }: WorkerPorts,
  messages: readonly InferenceMessage[],
  { lease_until }: Invocation,
): Promise<Permit> {
  const turn = messages.map(({ hints }) => hints?.turn).find(at => at !== undefined && !guard.isLate(at))
  return guard.permit({ turn, until: lease_until })
}

/** Whether the time of a permit is now, or so soon that it is waited for. */
export const isSoon = ({ clock }: Pick<WorkerPorts, 'clock'>, permit: Permit): permit is Granted =>
  permit.granted && permit.at <= clock() + SOON_MS

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
 * there has been a hindrance meanwhile, or its time has passed; it may not be granted, or only for later. A probe that is
 * not in the answer any more has been given back.
 */
export async function awaitTurn(ports: WorkerPorts, permit: Permit, { lease_until }: Invocation): Promise<Permit> {
  const { guard, clock, sleep } = ports
  let current = permit
  while (isSoon(ports, current)) {
    const wait = current.at - clock()
    if (wait > 0) await sleep(wait)
    const isLate = guard.isLate(current.at)
    if (!isLate && wait <= 0) return current
    if (!isLate && current.probe !== undefined) continue // its own probe would hinder it
    await reportNoCall(ports, current)
    current = await guard.permit({ turn: isLate ? undefined : current.at, until: lease_until })
  }
  return current
}
