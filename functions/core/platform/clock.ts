import { setTimeout } from 'node:timers/promises'

/** Epoch milliseconds. Passed in wherever time matters, so that tests move it. */
export type Clock = () => number

/** Waits for so many milliseconds of that clock. */
export type Sleep = (ms: number) => Promise<void>

/** ISO 8601. */
export function iso(ms: number): string
export function iso(ms: number | null | undefined): string | undefined
export function iso(ms: number | null | undefined): string | undefined {
  return ms == null ? undefined : new Date(ms).toISOString()
}

export const systemClock: Clock = () => Date.now()
export const systemSleep: Sleep = ms => setTimeout(ms)
