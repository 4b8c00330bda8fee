import * as z from 'zod'
import { reading } from '../domain/reading.ts'
import { fromStoredFailures, toStoredFailures } from './failed-calls.ts'

const Time = z.int()

/**
 * The requests that wait for a slot which the rate limit has not given yet.
 *
 * Stored as `turn`, `taken` and `heard`: 0.1.0 reads these names. In old items, `heard` is absent. Such a backlog has
 * ended.
 */
const Backlog = z
  .strictObject({ turn: Time, taken: z.int().positive(), heard: Time.default(0) })
  .transform(({ turn, taken, heard }) => ({
    /** The approximate time of the slot of the last request in the backlog. */
    slot: turn,
    /** The number of requests whose slot may be at that time. */
    taken,
    /** The time at which a request last came back from the backlog, or at which the first one will come back. */
    last_return: heard,
  }))
export type Backlog = Readonly<z.infer<typeof Backlog>>

/** A running call. Its lease ends by itself at the time when its worker is certainly gone. */
const Lease = z.strictObject({ id: z.string(), since: Time, until: Time })

/** A halted model. */
const Halt = z.strictObject({
  since: Time,
  /** The time from which the next probe may be made. */
  until: Time,
  /** How often the model was halted in a row: by the first call, and by each failed probe. */
  times: z.int().positive(),
  code: z.string(),
  status: z.int().optional(),
  reason: z.string(),
})
export type Halt = z.infer<typeof Halt>

/** The state that the workers of a model share, as its item has it. All times are epoch milliseconds. */
const ModelState = z
  .strictObject({
    /** The number of writes. Each write replaces the version before. */
    version: z.int().nonnegative(),
    /**
     * The worker that wrote this version. If the answer of a write was lost, the worker recognizes its own write by
     * this id.
     */
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
    // 0.1.0 can't read an item with one of the fields below. So each field is there only while it is needed.
    halted: Halt.optional(),
    /**
     * The end of a pause that is longer than the longest time without calls. Then `paused_until` is the time of the
     * next probe.
     */
    tried_until: Time.optional(),
    /** The mark of the user whose request was the last with a 403, if no call has succeeded since. */
    refused_by: z.int().optional(),
    /** The running call per priority, if the model takes one call at a time. */
    leases: z.strictObject({ high: Lease.optional(), normal: Lease.optional() }).optional(),
  })
  .transform(({ line, failures, ...state }) => ({ ...state, ...fromStoredFailures(failures), backlog: line }))
export type ModelState = Omit<z.infer<typeof ModelState>, 'backlog'> & { readonly backlog?: Backlog | undefined }

/**
 * Reads a stored state. A write replaces the whole item, so unknown fields at its top are kept and written again.
 * Unknown fields within a part such as `open` are lost when that part is replaced. So if a newer version needs a field
 * to stay, the field must be at the top.
 */
export const readModelState = (stored: unknown): ModelState => StoredState.parse(stored)
const StoredState = reading(ModelState)

/** Returns a state with the field names of its item. */
export const toStored = ({ backlog, failed_by, open_for, ...state }: ModelState): z.input<typeof ModelState> => ({
  ...state,
  failures: toStoredFailures({ ...state, failed_by, open_for }),
  line: backlog && { turn: backlog.slot, taken: backlog.taken, heard: backlog.last_return },
})

/** The state of a model without any calls yet. */
export const UNTOUCHED: ModelState = { version: 0, writer: '', failures: [], calls: [] }
