import type { Priority } from './ids.ts'
import type { Operation } from './operation.ts'

/**
 * The largest `metadata` of a request, in bytes. It is limited because it is stored in the request item, and DynamoDB
 * bills each write of the item by the item's size.
 */
export const MAX_METADATA_BYTES = 16 * 1024

/** A client's request in the form that admission takes, from any API or input queue. */
export interface Submission {
  /** The fields of the request. The message has them unchanged. */
  readonly body: Readonly<Record<string, unknown>>
  /** The fields that routing rules and an `estimate` see, if they differ from the fields of the body. */
  readonly seen?: Readonly<Record<string, unknown>>
  /** The operation of the OpenAI API that the client called, if it used that API. */
  readonly operation?: Operation
  /** The text from which the tokens are estimated. */
  readonly prompt: string
  /** The model that the client names. Undefined if the routing rules choose the model. */
  readonly model: string | undefined
  readonly priority: Priority
  readonly metadata: Record<string, unknown> | undefined
}
