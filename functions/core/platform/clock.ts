import { setTimeout } from 'node:timers/promises'

/**
 * Returns the time in epoch milliseconds. Code that needs the time gets a clock as a parameter, so that tests can set
 * the time.
 */
export type Clock = () => number

/** Waits for a number of milliseconds of that clock. */
export type Sleep = (ms: number) => Promise<void>

/** Writes a time in the form of ISO 8601. */
export function iso(ms: number): string
export function iso(ms: number | null | undefined): string | undefined
export function iso(ms: number | null | undefined): string | undefined {
  return ms == null ? undefined : new Date(ms).toISOString()
}

export const systemClock: Clock = () => Date.now()
export const systemSleep: Sleep = ms => setTimeout(ms)
