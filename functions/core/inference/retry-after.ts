/**
 * The longest wait that a model may ask for, in milliseconds. A longer wait is cut to this time, because it is a
 * mistake, such as a time in microseconds. With the default of `queue.expire_after`, every request has expired long
 * before the end of such a wait.
 */
const LONGEST_MS = 7 * 24 * 3_600_000

/**
 * Returns how long the model asks for no calls, in milliseconds from `now` on. Returns undefined if the model does not
 * ask for a wait, or if the headers can't be read.
 */
export function retryAfter(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const waits = [...valuesOf(headers['retry-after']).map(value => waitOf(value, now)), milliseconds(headers)]
  const readable = waits.filter(wait => wait !== undefined)
  // A proxy and a model behind it may each ask for a wait. The longest wait is long enough for both.
  return readable.length === 0 ? undefined : Math.min(Math.max(...readable), LONGEST_MS)
}

const WEEKDAY = /^(Mon|Tues|Wednes|Thurs|Fri|Satur|Sun|Tue|Wed|Thu|Sat)(day)?$/i

/**
 * Returns the values of several header lines, which are joined by commas. A date contains a comma, so its two parts are
 * joined again.
 */
function valuesOf(joined = ''): string[] {
  const parts = joined.split(',').map(part => part.trim())
  return parts.flatMap((part, index) => {
    if (WEEKDAY.test(parts[index - 1] ?? '')) return [`${parts[index - 1]}, ${part}`]
    return WEEKDAY.test(part) ? [] : [part]
  })
}

const NUMBER = /^\d+(\.\d+)?$/
const MONTH = '(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'
const TIME = '\\d{2}:\\d{2}:\\d{2}'
/** The three forms of a date in RFC 9110 §5.6.7. `Date.parse` alone would also accept "May 5" as a date. */
const DATES = [
  new RegExp(`^[A-Z]+, \\d{2} ${MONTH} \\d{4} ${TIME} GMT$`, 'i'),
  new RegExp(`^[A-Z]+, \\d{2}-${MONTH}-\\d{2} ${TIME} GMT$`, 'i'),
  new RegExp(`^[A-Z]+ ${MONTH} +\\d{1,2} ${TIME} \\d{4}( GMT)?$`, 'i'),
]

/** Reads a Retry-After (RFC 9110 §10.2.3): seconds or a date. Fractions of a second are rounded up. */
function waitOf(value: string, now: number): number | undefined {
  if (NUMBER.test(value)) return Math.ceil(Number(value)) * 1000
  if (!DATES.some(form => form.test(value))) return undefined
  const date = Date.parse(/GMT$/i.test(value) ? value : `${value} GMT`)
  return Number.isNaN(date) ? undefined : Math.max(0, date - now)
}

/** Reads `retry-after-ms`, which OpenAI, Azure and others send in addition to Retry-After. */
function milliseconds({ 'retry-after-ms': value = '' }: Readonly<Record<string, string>>): number | undefined {
  const text = value.trim()
  return NUMBER.test(text) ? Math.ceil(Number(text)) : undefined
}
