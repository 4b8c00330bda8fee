import * as z from 'zod'
import { reading } from '../domain/reading.ts'
import { fromStoredFailures, toStoredFailures } from './failed-calls.ts'

const Time = z.int()

/**
 * The backlog: the requests that wait for a slot in the rate limit. Their slots are not granted yet.
 *
 * The three fields are stored as `turn`, `taken` and `heard`, because version 0.1.0 reads these names. Older items may
 * lack `heard`. Such a backlog counts as ended, so no request waits behind it.
 */
const Backlog = z
  .strictObject({ turn: Time, taken: z.int().positive(), heard: Time.default(0) })
  .transform(({ turn, taken, heard }) => ({
    /** The approximate time of the slot of the last request in the backlog. */
    slot: turn,
    /** The number of requests in the backlog whose slots may be at the time `slot`. */
    taken,
    /**
     * The time at which a request of the backlog last asked again for a slot. As long as none has asked again: the time
     * at which the first one will.
     */
    last_return: heard,
  }))
export type Backlog = Readonly<z.infer<typeof Backlog>>

/** The lease of a running call. It ends by itself at `until`, when the worker of the call has certainly ended. */
const Lease = z.strictObject({ id: z.string(), since: Time, until: Time })

/** The halt of a model. */
const Halt = z.strictObject({
  since: Time,
  /** The time from which the next probe may be made. */
  until: Time,
  /** How often the model was halted in a row: once by the first call, and once more by each failed probe. */
  times: z.int().positive(),
  code: z.string(),
  status: z.int().optional(),
  reason: z.string(),
})
export type Halt = z.infer<typeof Halt>

/** The state that the workers of a model share, as its item has it. All times are epoch milliseconds. */
const ModelState = z
  .strictObject({
    /**
     * The number of writes of this state. A write succeeds only if the stored version is the one directly before it.
     */
    version: z.int().nonnegative(),
    /**
     * A random id of the write that made this version. If the answer to a write was lost, the worker recognizes its own
     * write by this id.
     */
    writer: z.string(),
    paused_until: Time.optional(),
    /** The times of failed calls and their users: see `toStoredFailures`. */
    failures: z.array(Time),
    open: z.strictObject({ until: Time, times: z.int().positive() }).optional(),
    probe: z.strictObject({ id: z.string(), since: Time, until: Time }).optional(),
    /** The log of the rate limit. */
    calls: z.array(z.strictObject({ from: Time, count: z.int().positive() })),
    /** The backlog. It is stored as `line`, because version 0.1.0 reads this name. */
    line: Backlog.optional(),
    // Version 0.1.0 can't read an item with one of the fields below. So each field is there only while it is needed,
    // and a deployment can be rolled back at other times.
    halted: Halt.optional(),
    /**
     * The end of a long pause, i.e. of a pause that is longer than `LONGEST_PAUSE_MS`. During a long pause,
     * `paused_until` is the time of the next probe.
     */
    tried_until: Time.optional(),
    /** Present if the model has caused the long pause by the answer that it is loading. It then gets a probe every few seconds. */
    is_loading: z.literal(true).optional(),
    /**
     * The mark (`markOf`) of the user whose request got the last 403, if no call has succeeded since. A 403 for another
     * user then halts the model.
     */
    refused_by: z.int().optional(),
    /** The lease of the running call, per priority. Only for priorities of which the model takes one call at a time. */
    leases: z.strictObject({ high: Lease.optional(), normal: Lease.optional() }).optional(),
  })
  .transform(({ line, failures, ...state }) => ({ ...state, ...fromStoredFailures(failures), backlog: line }))
export type ModelState = Omit<z.infer<typeof ModelState>, 'backlog'> & { readonly backlog?: Backlog | undefined }

/**
 * Reads a stored state. A newer version may have written unknown fields. A write replaces the whole item, so unknown
 * fields at the top level are kept and written again. Unknown fields within a part such as `open` are lost when this
 * part is replaced. So if a newer version needs a field to stay, it must store the field at the top level.
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
