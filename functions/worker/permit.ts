import { type Permit, SOON_MS } from '../guard/port.ts'
import type { InferenceMessage } from '../requests/messages.ts'
import type { Invocation, WorkerPorts } from './ports.ts'
import { defer, deferToTurn, withHints } from './put-back.ts'

export type Granted = Permit & { readonly granted: true }

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
): Promise<Granted | undefined> {
  const turn = messages.map(({ hints }) => hints?.turn).find(at => at !== undefined && !ports.guard.isLate(at))
  const permit = await ports.guard.permit({ turn, until: lease_until })
  if (permit.granted && permit.at <= ports.clock() + SOON_MS) return permit
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

/**
 * Waits for the time of a permit, with everything else done. Answers with the permit that holds then: another one, if
 * there has been a hindrance meanwhile, or its time has passed; it may not be granted, or only for later.
 */
export async function awaitTurn(ports: WorkerPorts, permit: Permit, { lease_until }: Invocation): Promise<Permit> {
  const { guard, clock, sleep } = ports
  let current = permit
  while (current.granted && current.at <= clock() + SOON_MS) {
    const wait = current.at - clock()
    if (wait > 0) await sleep(wait)
    const isLate = guard.isLate(current.at)
    if (!isLate && (wait <= 0 || current.probe !== undefined)) return current
    current = await guard.permit({ turn: isLate ? undefined : current.at, until: lease_until })
  }
  return current
}
