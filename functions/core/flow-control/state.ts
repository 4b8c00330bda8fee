import * as z from 'zod'
import { reading } from '../domain/reading.ts'
import { fromStoredFailures, toStoredFailures } from './failed-calls.ts'

const Time = z.int()

/**
 * The requests that wait for a slot which the rate limit has not given yet.
 *
 * Stored as `turn`, `taken` and `heard`: 0.1.0 reads these names. `heard` was absent once; such a backlog is over.
 */
const Backlog = z
  .strictObject({ turn: Time, taken: z.int().positive(), heard: Time.default(0) })
  .transform(({ turn, taken, heard }) => ({
    /** About when the last request in the backlog may have its slot. */
    slot: turn,
    /** How many requests may have their slot at that time. */
    taken,
    /** When a request last came back from the backlog, or when the first one will. */
    last_return: heard,
  }))
export type Backlog = Readonly<z.infer<typeof Backlog>>

/** A call that is under way. Its lease ends by itself when its worker must be gone. */
const Lease = z.strictObject({ id: z.string(), since: Time, until: Time })

/** A halted model. */
const Halt = z.strictObject({
  since: Time,
  /** When the next probe may be made. */
  until: Time,
  /** How many calls have found the model halted: the first one, and each failed probe. */
  times: z.int().positive(),
  code: z.string(),
  status: z.int().optional(),
  reason: z.string(),
})
export type Halt = z.infer<typeof Halt>

/** What the workers of a model know of it together, read from its item. All times are epoch milliseconds. */
const ModelState = z
  .strictObject({
    /** Counts the writes: each write replaces the version before. */
    version: z.int().nonnegative(),
    /** Who wrote this version. A worker recognizes its own write by it when the answer of that write was lost. */
    writer: z.string(),
    paused_until: Time.optional(),
    /** The times of failed calls and their users: see `toStoredFailures`. */
    failures: z.array(Time),
    open: z.strictObject({ until: Time, times: z.int().positive() }).optional(),
    probe: z.strictObject({ id: z.string(), since: Time, until: Time }).optional(),
    /** The log of the rate limit. */
    calls: z.array(z.strictObject({ from: Time, count: z.int().positive() })),
    /** The backlog. Stored as `line`: 0.1.0 reads this name. */
    line: Backlog.optional(),
    // 0.1.0 can't read an item with one of the fields below. So each is there only while it is in use.
    halted: Halt.optional(),
    /** The model has asked for no calls until then, which is longer than a pause lasts. Then `paused_until` is when it is tried next. */
    tried_until: Time.optional(),
    /** The mark of the user whose request was the last to get 403, if no call has succeeded since. */
    refused_by: z.int().optional(),
    /** The call that is under way per priority, where the model takes one at a time. */
    leases: z.strictObject({ high: Lease.optional(), normal: Lease.optional() }).optional(),
  })
  .transform(({ line, failures, ...state }) => ({ ...state, ...fromStoredFailures(failures), backlog: line }))
export type ModelState = Omit<z.infer<typeof ModelState>, 'backlog'> & { readonly backlog?: Backlog | undefined }

/**
 * Reads a stored state. A write replaces the whole item, so unknown fields at its top are kept and written again. Unknown fields
 * within a part such as `open` are lost when that part is replaced. A newer version must put a field that has to stay at the top.
 */
export const readModelState = (stored: unknown): ModelState => StoredState.parse(stored)
const StoredState = reading(ModelState)

/** Returns a state under the names that its item has for it. */
export const toStored = ({ backlog, failed_by, open_for, ...state }: ModelState): z.input<typeof ModelState> => ({
  ...state,
  failures: toStoredFailures({ ...state, failed_by, open_for }),
  line: backlog && { turn: backlog.slot, taken: backlog.taken, heard: backlog.last_return },
})

/** The state of a model that nobody has called yet. */
export const UNTOUCHED: ModelState = { version: 0, writer: '', failures: [], calls: [] }
