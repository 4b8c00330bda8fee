const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

type Unit = keyof typeof UNITS

/** The form of a duration: a whole number and its unit, such as `250ms`, `30s`, `5m`, `1h`, `4d`. */
export const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/

/** Converts a duration such as `30s` to milliseconds. Returns undefined if the text is not a duration. */
export function parseDuration(text: string): number | undefined {
  const [, count, unit] = DURATION.exec(text) ?? []
  return count === undefined ? undefined : Number(count) * UNITS[unit as Unit]
}
