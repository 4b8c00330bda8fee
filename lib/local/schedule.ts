import { LocalError } from './error.ts'

const UNIT_MS: Record<string, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** Converts a schedule such as `rate(5 minutes)` to milliseconds. Throws LocalError, with the rule's logical id, for any other kind of schedule. */
export function rateMs(expression: string, logicalId: string): number {
  const [, count, unit = ''] = /^rate\((\d+) (minute|hour|day)s?\)$/.exec(expression) ?? []
  const ms = Number(count) * (UNIT_MS[unit] ?? Number.NaN)
  if (ms > 0) return ms
  throw new LocalError(
    `${logicalId}: schedule ${expression} is not supported by the local system, which knows rate(...).`,
  )
}

/** Calls `run` after each interval until it is stopped. */
export function startSchedule(everyMs: number, run: () => void): { stop(): void } {
  const timer = setInterval(run, everyMs)
  return { stop: () => clearInterval(timer) }
}
