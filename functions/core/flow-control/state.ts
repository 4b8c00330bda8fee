import * as z from 'zod'
import { reading } from '../domain/reading.ts'

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

/** What the workers of a model know of it together, read from its item. All times are epoch milliseconds. */
const ModelState = z
  .strictObject({
    /** Counts the writes: each write replaces the version before. */
    version: z.int().nonnegative(),
    /** Who wrote this version. A worker recognizes its own write by it when the answer of that write was lost. */
    writer: z.string(),
    paused_until: Time.optional(),
    failures: z.array(Time),
    open: z.strictObject({ until: Time, times: z.int().positive() }).optional(),
    probe: z.strictObject({ id: z.string(), since: Time, until: Time }).optional(),
    /** The log of the rate limit. */
    calls: z.array(z.strictObject({ from: Time, count: z.int().positive() })),
    /** The backlog. Stored as `line`: 0.1.0 reads this name. */
    line: Backlog.optional(),
  })
  .transform(({ line, ...state }) => ({ ...state, backlog: line }))
export type ModelState = Omit<z.infer<typeof ModelState>, 'backlog'> & { readonly backlog?: Backlog | undefined }

/**
 * Reads a stored state. A write replaces the whole item, so unknown fields at its top are kept and written again. Unknown fields
 * within a part such as `open` are lost when that part is replaced. A newer version must put a field that has to stay at the top.
 */
export const readModelState = (stored: unknown): ModelState => StoredState.parse(stored)
const StoredState = reading(ModelState)

/** A state under the names that its item has for it. */
export const toStored = ({ backlog, ...state }: ModelState): z.input<typeof ModelState> => ({
  ...state,
  line: backlog && { turn: backlog.slot, taken: backlog.taken, heard: backlog.last_return },
})

/** The state of a model that nobody has called yet. */
export const UNTOUCHED: ModelState = { version: 0, writer: '', failures: [], calls: [] }
