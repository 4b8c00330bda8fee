import type { Priority } from './ids.ts'
import type { Operation } from './operation.ts'

/** `metadata` lives in the request item, whose every write is billed by the KB. */
export const MAX_METADATA_BYTES = 16 * 1024

/** What a client asks for, as admission takes it, whichever API or queue it came by. */
export interface Submission {
  /** The fields of the request. The message carries them as they are. */
  readonly body: Readonly<Record<string, unknown>>
  /** The fields that routing rules and an `estimate` see, where they are not the body's own. */
  readonly seen?: Readonly<Record<string, unknown>>
  /** The operation of the OpenAI API that it came by, if it did. */
  readonly operation?: Operation
  /** The text that the tokens are estimated from. */
  readonly prompt: string
  /** The model that the client names. Without it, the routing rules choose one. */
  readonly model: string | undefined
  readonly priority: Priority
  readonly metadata: Record<string, unknown> | undefined
}
