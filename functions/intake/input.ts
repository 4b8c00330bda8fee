import * as z from 'zod'
import { UserId } from '../core/domain/ids.ts'
import type { Submission } from '../core/domain/submission.ts'
import { parseBodyAs } from '../core/http/parse-body.ts'
import { InferenceBody, toSubmission } from '../core/inference-api/body.ts'
import { DEAD_LETTERS } from '../core/queue/names.ts'
import type { Delivery } from '../core/queue/port.ts'

/** A message of an input queue. */
export interface Input {
  readonly queue: string
  /** The same id at each delivery, also from the dead-letter queue. */
  readonly message_id: string
  readonly text: string
  /** Whether the message comes from the dead-letter queue, because it was received too often. */
  readonly given_up: boolean
}

/**
 * Converts a delivery to an input. The end of the queue's name shows whether the message comes from the dead-letter
 * queue. This is certain, because the checks of pipeline.yaml refuse an input queue whose name has this end.
 */
export function inputOf({ id, queue: name, body }: Delivery): Input {
  const givenUp = name.endsWith(DEAD_LETTERS)
  const queue = givenUp ? name.slice(0, -DEAD_LETTERS.length) : name
  return { queue, message_id: id, text: body, given_up: givenUp }
}

/**
 * The submission of a message, and its user. IAM decides which senders may send to the queue, so the message itself may
 * name the user.
 */
export interface Order {
  readonly user_id: string
  readonly submission: Submission
}

const Body = InferenceBody.safeExtend({
  user_id: z.string().refine(id => UserId.safeParse(id).success, 'must be 1 to 128 of A-Z a-z 0-9 . _ @ -'),
})

/**
 * Reads an order from the text of a message. Throws a `RequestError` that names the problem of the text and its place.
 */
export function parseInput(text: string): Order {
  const { user_id, ...body } = parseBodyAs(Body, text)
  return { user_id, submission: toSubmission(body) }
}
