const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
] as const

/**
 * Writes how long ago a time is, such as `45s`, `3m`, `26h`, `4d`. The unit is the largest one for which the number is at
 * least 2. `since` is ISO 8601.
 */
export function age(since: string, now: number): string {
  return lasting(now - Date.parse(since))
}

/** Writes a length of time in the largest unit for which the number is at least 2: `90s`, but `2m`. */
export function lasting(ms: number): string {
  for (const [unit, length] of UNITS) if (ms >= 2 * length) return `${Math.floor(ms / length)}${unit}`
  return `${Math.max(0, Math.floor(ms / 1000))}s`
}

/** Writes a time without its milliseconds for a table: `2026-11-23 10:00:03`, in UTC. */
export const shortTime = (time: string): string => `${time.slice(0, 10)} ${time.slice(11, 19)}`
