import type { Trouble } from './lambda/log-line.ts'
import { createLastingStates } from './lasting-states.ts'

/** Shows the warnings and errors of functions on the terminal. */
export interface Troubles {
  /** Shows a trouble the first time. Repetitions are counted until it has been quiet for a while. */
  report(source: string, trouble: Trouble): void
  /** Shows which troubles are over, and how often they came. Shows how often those have come that go on. Call it every second. */
  tick(): void
  /** Shows the counts of everything that is not over. */
  close(): void
}

/** A trouble that has not come for this time is over. Milliseconds. */
const QUIET_MS = 10_000
/** A trouble that comes at longer and longer intervals, as retries do, is over after so many of its longest interval. */
const QUIET_INTERVALS = 2.5
/** A trouble that goes on is shown again after this time. Milliseconds. */
const STILL_MS = 60_000

interface Known {
  readonly text: string
  readonly since: number
  last: number
  /** When it was last shown. */
  shown: number
  count: number
  /** The longest time between two of them. Milliseconds. */
  interval: number
  /** Whether another line tells the end. Then a short silence is no end. */
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
      // Two functions that meet the same outage show it once. A worker's outage may be that of its model.
      // The same warning may name another time.
      const key = cause === undefined || source.startsWith('worker-') ? text.replace(TIME, '…') : outageIn(cause)
      const before = known.get(key)
      if (before) {
        before.count += 1
        before.interval = Math.max(before.interval, now - before.last)
        before.last = now
        return
      }
      // The words of a model may differ each time. They are shown, and are no part of the trouble's name.
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

/** The service that is away, as an outage's error names it. What it answers changes while it stops and starts. */
const outageIn = (cause: string): string => /^.+? is unavailable(?=: )/.exec(cause)?.[0] ?? cause

/** The time of day on this machine: `10:00:03`. */
const timeOf = (ms: number): string => new Date(ms).toTimeString().slice(0, 8)
