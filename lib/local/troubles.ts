import type { Trouble } from './lambda/log-line.ts'
import { createLastingStates } from './lasting-states.ts'

/** Shows the warnings and errors of functions on the terminal. */
export interface Troubles {
  /** Shows a trouble when it comes for the first time. Repetitions are only counted, until the trouble has not come for a while. */
  report(source: string, trouble: Trouble): void
  /** Shows which troubles are over and how often they came. From time to time, shows how often the other troubles have come. Call it every second. */
  tick(): void
  /** Shows the counts of all troubles that are not over. */
  close(): void
}

/** If a trouble has not come for this time, it is over. Milliseconds. */
const QUIET_MS = 10_000
/** With retries, the intervals between troubles grow. A trouble that has not come for this multiple of its longest interval is over. */
const QUIET_INTERVALS = 2.5
/** If a trouble goes on, it is shown again after this time. Milliseconds. */
const STILL_MS = 60_000

interface Known {
  readonly text: string
  readonly since: number
  last: number
  /** The time at which it was last shown. */
  shown: number
  count: number
  /** The longest time between two repetitions. Milliseconds. */
  interval: number
  /** Whether a log line of its own says that the trouble has ended. Then a short silence is no end. */
  readonly hasOwnEnd: boolean
}

/** Creates the display. `log` takes a line for the terminal, `clock` gives epoch milliseconds. */
export function createTroubles(log: (line: string) => void, clock: () => number): Troubles {
  const known = new Map<string, Known>()
  const lasting = createLastingStates(clock)

  const times = ({ count, since, last }: Known) => `${count} times from ${timeOf(since)} to ${timeOf(last)}`
  const howOften = (trouble: Known) =>
    trouble.count === 1 ? `it came once, at ${timeOf(trouble.since)}` : `after ${times(trouble)}`

  return {
    report(source, trouble) {
      const { level, message, cause, said, state } = trouble
      const now = clock()
      const text = `${level} ${source}: ${message}${cause === undefined ? '' : `: ${cause}`}`
      lasting.note(source, trouble, text)
      // If two functions report the same outage, it is shown once. A worker's outage is shown by itself, since it may be an outage of its model.
      // Two warnings that differ only in a time are the same warning.
      const key = cause === undefined || source.startsWith('worker-') ? text.replace(TIME, '…') : outageIn(cause)
      const before = known.get(key)
      if (before) {
        before.count += 1
        before.interval = Math.max(before.interval, now - before.last)
        before.last = now
        return
      }
      // A model's words may differ each time. So they are shown, but are no part of the key.
      const shown = said === undefined ? text : `${text}: ${said}`
      const hasOwnEnd = state !== undefined
      known.set(key, { text: shown, since: now, last: now, shown: now, count: 1, interval: 0, hasOwnEnd })
      log(`${timeOf(now)} ${shown}`)
    },
    tick() {
      const now = clock()
      for (const text of lasting.takeSilent()) log(`${timeOf(now)} no news for 20 minutes, it may be over: ${text}`)
      for (const [key, trouble] of known) {
        if (now - trouble.last >= Math.max(QUIET_MS, QUIET_INTERVALS * trouble.interval)) {
          known.delete(key)
          if (!trouble.hasOwnEnd) log(`${timeOf(now)} over, ${howOften(trouble)}: ${trouble.text}`)
          else if (trouble.count > 1) log(`${timeOf(now)} ${times(trouble)}: ${trouble.text}`)
        } else if (now - trouble.shown >= STILL_MS) {
          trouble.shown = now
          log(`${timeOf(now)} still, ${times(trouble)}: ${trouble.text}`)
        }
      }
    },
    close() {
      for (const trouble of known.values())
        if (trouble.count > 1) log(`${timeOf(clock())} ${times(trouble)}: ${trouble.text}`)
      known.clear()
    },
  }
}

const TIME = /\d{4}-\d\d-\d\dT[\d:.]+Z/g

/** Returns the part of an outage's error that names the unavailable service. The rest changes while the service stops and starts. */
const outageIn = (cause: string): string => /^.+? is unavailable(?=: )/.exec(cause)?.[0] ?? cause

/** The time of day on this machine: `10:00:03`. */
const timeOf = (ms: number): string => new Date(ms).toTimeString().slice(0, 8)
