import * as z from 'zod'
import type { Failure, Usage } from './item.ts'
import { Unreported, unreportedIn, withoutUnreported, withZeros } from './partial-usage.ts'
import { reading } from './reading.ts'

const ENDED = 'ended-'

/** The facts about an ended request for which version 0.1.0 has no fields. */
const Note = z.strictObject({
  /** The HTTP status of the model's answer: the field `status` of `Failure`. */
  status: z.int().optional(),
  /** The text of the model's own error: the field `detail` of `Failure`. */
  detail: z.string().optional(),
  /**
   * The counts of tokens that the model has not reported. The item has 0 in their place, because version 0.1.0 needs
   * all counts.
   */
  unreported: Unreported.optional(),
})
type Note = z.infer<typeof Note>
const StoredNote = reading(Note)

/** The fields of an item to which a note adds facts. */
interface Told {
  readonly usage?: Usage | undefined
  readonly error?: Failure | undefined
}

/**
 * Makes the stored form of an ended request's usage and error: the fields that version 0.1.0 reads, and a note with the
 * rest, if there is any. The note is stored in the field of the claim's id. Version 0.1.0 can't read an item with an
 * additional attribute, but it accepts any id.
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
 * Returns the item with the facts of its note, which is stored in the field of the claim's id. If the item has no such
 * note, it is returned unchanged.
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
