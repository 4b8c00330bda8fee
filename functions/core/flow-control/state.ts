import * as z from 'zod'
import { reading } from '../domain/reading.ts'

const Time = z.int()

/** What the workers of a model know of it together. All times are epoch milliseconds. */
export const GuardState = z.strictObject({
  /** Counts the writes: each replaces the version before. */
  version: z.int().nonnegative(),
  /** Who wrote this version: a write whose answer was lost is known by it. */
  writer: z.string(),
  paused_until: Time.optional(),
  failures: z.array(Time),
  open: z.strictObject({ until: Time, times: z.int().positive() }).optional(),
  probe: z.strictObject({ id: z.string(), since: Time, until: Time }).optional(),
  /** The rate limit's log. */
  calls: z.array(z.strictObject({ from: Time, count: z.int().positive() })),
  /** `heard` was absent once: such a line is over. */
  line: z.strictObject({ turn: Time, taken: z.int().positive(), heard: Time.default(0) }).optional(),
})
export type GuardState = z.infer<typeof GuardState>

/**
 * Reads a stored state. A write replaces the item as a whole, so unknown fields at its top are kept and written again. Within a
 * part such as `open`, they go when that part is replaced: a newer version must put what has to stay at the top.
 */
export const readGuardState = (stored: unknown): GuardState => StoredState.parse(stored)
const StoredState = reading(GuardState)

export const UNTOUCHED: GuardState = { version: 0, writer: '', failures: [], calls: [] }
