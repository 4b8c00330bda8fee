/** The length of a window. Counters start again at zero at the end of each day or hour in UTC. */
export type WindowLength = 'day' | 'hour'

const LENGTH_MS: Record<WindowLength, number> = { day: 86_400_000, hour: 3_600_000 }

export interface QuotaWindow {
  /** The name, such as `2026-11-23` or `2026-11-23T10`. It is part of the quota item's key. */
  readonly name: string
  /** Epoch milliseconds. */
  readonly ends_at: number
  readonly length_ms: number
}

/** Returns the window that `now` (epoch milliseconds) falls into. */
export function windowAt(length: WindowLength, now: number): QuotaWindow {
  const lengthMs = LENGTH_MS[length]
  const start = Math.floor(now / lengthMs) * lengthMs
  const name = new Date(start).toISOString().slice(0, length === 'day' ? 10 : 13)
  return { name, ends_at: start + lengthMs, length_ms: lengthMs }
}
