import { type WindowLength, windowAt } from '../../functions/core/domain/window.ts'

/**
 * A window with the name that an operator uses, in UTC: `2026-11-23`, or `2026-11-23T10` if the quota windows are
 * hours.
 */
export interface NamedWindow {
  readonly name: string
  readonly length: WindowLength
  /** Epoch milliseconds. */
  readonly start: number
}

/** Reads the name of a window. Returns undefined if no window has that name. */
export function parseWindow(name: string): NamedWindow | undefined {
  const length = /^\d{4}-\d\d-\d\d$/.test(name) ? 'day' : /^\d{4}-\d\d-\d\dT\d\d$/.test(name) ? 'hour' : undefined
  if (!length) return undefined
  const start = Date.parse(length === 'day' ? name : `${name}:00:00Z`)
  // JavaScript reads 2026-02-31 as the 3rd of March. So the name of the window that was found must be the name that was read.
  return Number.isNaN(start) || windowAt(length, start).name !== name ? undefined : { name, length, start }
}
