import type { Trouble } from './lambda/log-line.ts'
import { createLastingStates } from './lasting-states.ts'

/** Shows troubles, the warnings and errors of functions, on the terminal. */
export interface Troubles {
  /** Shows a trouble when it comes for the first time. Repetitions are only counted, until `tick` finds that the trouble is over. */
  report(source: string, trouble: Trouble): void
  /** Whether functions can't export their traces, as far as they have reported it. */
  doExportsFail(): boolean
  /** Shows the troubles that are over, with their counts. Shows the counts of the other troubles every minute. Call this method every second. */
  tick(): void
  /** Shows the counts of all troubles that are not over. */
  close(): void
}

/** A trouble that has not come again for this time is over, if its repetitions were close together. Milliseconds. */
const QUIET_MS = 10_000
/**
 * Retries come at growing intervals, and so do the warnings about them. So a trouble is over only if it has not come again for this multiple of its
 * longest interval.
 */
const QUIET_INTERVALS = 2.5
/** If a trouble goes on, it is shown again after this time. Milliseconds. */
const STILL_MS = 60_000

interface Known {
  readonly text: string
  readonly since: number
  last: number
  /** The time at which the trouble was last shown. */
  shown: number
  count: number
  /** The longest time between two repetitions. Milliseconds. */
  interval: number
  /** True if a later log line will say that the trouble has ended. Then a short silence does not mean that the trouble is over. */
  readonly hasOwnEnd: boolean
  /** The senders whose exports fail. Empty for all other troubles. */
  readonly senders: Set<Sender>
}

/** The topic of failed exports. */
const EXPORTS = 'telemetry'

/**
 * The functions, which send traces, or the local system itself, which sends all metrics. All exports go to one receiver, but a receiver may take only
 * traces or only metrics.
 */
type Sender = 'functions' | typeof METRICS_EXPORT

/** The source of troubles with the export of metrics. */
export const METRICS_EXPORT = 'metrics'

/** Creates the display. `log` takes a line for the terminal, `clock` gives epoch milliseconds. */
export function createTroubles(log: (line: string) => void, clock: () => number): Troubles {
  const known = new Map<string, Known>()
  const lasting = createLastingStates(clock)

  const times = ({ count, since, last }: Known) => `${count} times from ${timeOf(since)} to ${timeOf(last)}`
  const howOften = (trouble: Known) =>
    trouble.count === 1 ? `it came once, at ${timeOf(trouble.since)}` : `after ${times(trouble)}`

  function endExports(sender: Sender): void {
    for (const [key, trouble] of known) {
      if (!trouble.senders.delete(sender) || trouble.senders.size > 0) continue
      known.delete(key)
      log(`${timeOf(clock())} over, ${howOften(trouble)}: ${trouble.text}`)
    }
  }

  return {
    report(source, trouble) {
      const { level, message, cause, said, state, topic } = trouble
      const now = clock()
      const sender = topic === EXPORTS ? senderOf(source) : undefined
      if (sender !== undefined && state === 'ends') return endExports(sender)
      const text = `${level} ${source}: ${message}${cause === undefined ? '' : `: ${cause}`}`
      if (sender === undefined) lasting.note(source, trouble, text)
      // All exports go to one receiver. So failed exports are shown once for all functions, with the first reason, and once for functions and metrics
      // together if both fail for the same reason.
      const key = sender === undefined ? keyOf(source, text, cause) : message
      const before =
        known.get(key) ?? [...known.values()].find(({ senders }) => sender !== undefined && senders.has(sender))
      if (before) {
        before.count += 1
        before.interval = Math.max(before.interval, now - before.last)
        before.last = now
        if (sender !== undefined) before.senders.add(sender)
        return
      }
      // The model's own error text may differ each time. So this text is shown, but it is no part of the key. Otherwise each repetition would be shown.
      const shown = said === undefined ? text : `${text}: ${said}`
      const hasOwnEnd = state !== undefined
      const senders = new Set(sender === undefined ? [] : [sender])
      known.set(key, { text: shown, since: now, last: now, shown: now, count: 1, interval: 0, hasOwnEnd, senders })
      log(`${timeOf(now)} ${shown}`)
    },
    doExportsFail: () => [...known.values()].some(({ senders }) => senders.has('functions')),
    tick() {
      const now = clock()
      for (const text of lasting.takeSilent()) log(`${timeOf(now)} no news for 20 minutes, it may be over: ${text}`)
      for (const [key, trouble] of known) {
        if (trouble.senders.size > 0) continue
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

const senderOf = (source: string): Sender => (source === METRICS_EXPORT ? METRICS_EXPORT : 'functions')

/**
 * Returns the key of a trouble. Troubles with the same key are the same trouble. Two functions that report the same outage have the same key, except
 * workers, since the cause may be their model. Two warnings that differ only in a time have the same key.
 */
const keyOf = (source: string, text: string, cause: string | undefined): string =>
  cause === undefined || source.startsWith('worker-') ? text.replace(TIME, '…') : outageIn(cause)

/** Returns the part of an outage's error that names the unavailable service. The rest of the error's text changes while the service stops and starts. */
const outageIn = (cause: string): string => /^.+? is unavailable(?=: )/.exec(cause)?.[0] ?? cause

/** The time of day on this machine: `10:00:03`. */
const timeOf = (ms: number): string => new Date(ms).toTimeString().slice(0, 8)
