import type { Priority } from './ids.ts'

/** `metadata` lives in the request item, whose every write is billed by the KB. */
export const MAX_METADATA_BYTES = 16 * 1024

/** What a client asks for, as admission takes it, whichever API or queue it came by. */
export interface Submission {
  /** The fields that routing rules and the model's mapping see. The message carries them as they are. */
  readonly body: Readonly<Record<string, unknown>>
  /** The text that the tokens are estimated from. */
  readonly prompt: string
  /** The model that the client names. Without it, the routing rules choose one. */
  readonly model: string | undefined
  readonly priority: Priority
  readonly metadata: Record<string, unknown> | undefined
}
