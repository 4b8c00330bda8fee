/** Reads a Retry-After (RFC 9110 §10.2.3): seconds or a date. Answers with milliseconds from `now` on, or undefined if the value can't be read. */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text) * 1000
  // A date begins with a letter. `Date.parse` alone would take "1.5" for a date, too.
  const date = /^[A-Z]/i.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
