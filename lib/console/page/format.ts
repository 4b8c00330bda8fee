const WHOLE = new Intl.NumberFormat('en')

/** Writes a number such as `5,000`. The number is never shortened (`5k`), because an operator compares numbers. */
export const count = (n: number): string => WHOLE.format(n)

const two = (n: number): string => String(n).padStart(2, '0')

const dayOf = (at: Date): string => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`

/** Returns the time of day on this machine, with the date if it is another day. */
export function time(iso: string, now = new Date()): string {
  const at = new Date(iso)
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  return dayOf(at) === dayOf(now) ? clock : `${dayOf(at)} ${clock}`
}

/** Writes a duration such as `250 ms`, `1.2 s`, `3 min 20 s` or `2 h 5 min`. */
export function duration(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 60_000) return `${Number((ms / 1_000).toFixed(1))} s`
  const seconds = Math.round(ms / 1_000)
  if (seconds < 3_600) return together(Math.floor(seconds / 60), 'min', seconds % 60, 's')
  const minutes = Math.round(seconds / 60)
  return together(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
}

const together = (whole: number, unit: string, rest: number, restUnit: string): string =>
  rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${restUnit}`

/** Writes the duration between two times. Returns an empty text if one of them is missing. */
export const between = (from: string | undefined, to: string | undefined): string =>
  from === undefined || to === undefined ? '' : duration(Date.parse(to) - Date.parse(from))

/** Returns the beginning and the end of an id. Ids that were made at the same time have the same beginning, so the end distinguishes them. */
export const shortId = (id: string): string => (id.length > 16 ? `${id.slice(0, 8)}…${id.slice(-6)}` : id)

export const plural = (n: number, one: string, many = `${one}s`): string => `${count(n)} ${n === 1 ? one : many}`
