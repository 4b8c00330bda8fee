import * as z from 'zod'
import type { Failure, Usage } from './item.ts'
import { Unreported, unreportedIn, withoutUnreported, withZeros } from './partial-usage.ts'
import { reading } from './reading.ts'

const ENDED = 'ended-'

/** The facts about an ended request for which 0.1.0 has no fields. */
const Note = z.strictObject({
  /** `status` and `detail` of the failure. */
  status: z.int().optional(),
  detail: z.string().optional(),
  /** The counts that the model has not reported. The item has 0 for them. */
  unreported: Unreported.optional(),
})
type Note = z.infer<typeof Note>
const StoredNote = reading(Note)

/** The fields of an item that a note completes. */
interface Told {
  readonly usage?: Usage | undefined
  readonly error?: Failure | undefined
}

/**
 * Makes the stored form of an ended request's usage and error: the fields that 0.1.0 reads, and a note with the rest,
 * if there is any. The note is stored in place of the claim's id, because 0.1.0 can't read an item with an additional
 * attribute, but does not parse ids.
 */
export function toStoredEnd({ usage, error }: Told): { readonly fields: Told; readonly note: string | undefined } {
  const { status, detail } = error ?? {}
  const unreported = unreportedIn(usage)
  const note: Note = {
    ...(status !== undefined && { status }),
    ...(detail !== undefined && { detail }),
    ...(unreported.length > 0 && { unreported }),
  }
  return {
    fields: {
      usage: withZeros(usage),
      error: error && { code: error.code, message: error.message },
    },
    note: Object.keys(note).length === 0 ? undefined : ENDED + JSON.stringify(note),
  }
}

/**
 * Returns the item with the facts of the note that is stored in place of its claim's id. Without such a note, it
 * returns the item unchanged.
 */
export function withEndedNote<Item extends Told>(item: Item, claimId: unknown): Item {
  if (typeof claimId !== 'string' || !claimId.startsWith(ENDED)) return item
  const { status, detail, unreported = [] } = StoredNote.parse(JSON.parse(claimId.slice(ENDED.length)))
  const { usage, error } = item
  return {
    ...item,
    ...(usage && { usage: withoutUnreported(usage, unreported) }),
    ...(error && {
      error: { ...error, ...(status !== undefined && { status }), ...(detail !== undefined && { detail }) },
    }),
  }
}
