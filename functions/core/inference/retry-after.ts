/** Seconds, or a date, as in RFC 9110 §10.2.3: milliseconds from `now` on; undefined without a value that can be read. */
export function retryAfter(value: string | undefined, now: number): number | undefined {
  const text = value?.trim() ?? ''
  if (/^\d+$/.test(text)) return Number(text) * 1000
  // Only dates have letters; `Date.parse` would take "1.5" for one, too.
  const date = /^[A-Z]/i.test(text) ? Date.parse(text) : Number.NaN
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}
