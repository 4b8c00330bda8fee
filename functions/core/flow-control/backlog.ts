import type { RateLimit } from './policies.ts'
import { roundOf } from './rate-limit.ts'

/** Those who wait for turns that are not given yet: about when the last of them may have one, and how many may then. */
export interface Line {
  /** Epoch milliseconds. */
  readonly turn: number
  readonly taken: number
  /** When the last of those who came back did so, or the first is to: epoch milliseconds. */
  readonly heard: number
}

/** Those in the line get turns no further ahead: the urgent get the ones before. Milliseconds. */
export const HORIZON_MS = 5_000

/** So long before their turn may be given, those in the line come back. Milliseconds. */
export const BACK_MS = HORIZON_MS / 2

/** Queues bring those who come back so much late, at most, unless nothing is as it should be. Milliseconds. */
const LATE_MS = 5_000

/** The line with one more in it, for whom the next turn that could be given is `at`. */
export function joined(line: Line | undefined, at: number, limit: RateLimit): Line {
  if (!line || line.turn < at) return { turn: at, taken: 1, heard: at - BACK_MS }
  if (line.taken < limit.count) return { ...line, taken: line.taken + 1 }
  return { ...line, turn: line.turn + roundOf(limit), taken: 1 }
}

/**
 * The line, unless nobody has come back from it for longer than a round takes: those in it have been cancelled, or have
 * expired, and nobody is to wait for them.
 */
export const standing = (line: Line | undefined, now: number, limit: RateLimit): Line | undefined =>
  line && now <= line.heard + roundOf(limit) + LATE_MS ? line : undefined

/** The line after one of those in it has come back. */
export const heardOf = (line: Line | undefined, now: number): Line | undefined =>
  line && { ...line, heard: Math.max(line.heard, now) }
