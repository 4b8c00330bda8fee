import type { SQSRecord } from 'aws-lambda'
import * as z from 'zod'
import { UserId } from '../core/domain/ids.ts'
import type { Submission } from '../core/domain/submission.ts'
import { parseBodyAs } from '../core/http/parse-body.ts'
import { InferenceBody, toSubmission } from '../core/inference-api/body.ts'
import { DEAD_LETTERS } from '../core/queue/names.ts'

/** A message of an input queue. */
export interface Input {
  readonly queue: string
  /** The same whenever SQS delivers it, also from the dead-letter queue. */
  readonly message_id: string
  readonly text: string
  /** Its queue gave it up: it comes from its dead-letter queue. */
  readonly given_up: boolean
}

/** pipeline.yaml has no input whose name ends as a dead-letter queue's. */
export function inputOf({ messageId, body, eventSourceARN }: SQSRecord): Input {
  const name = eventSourceARN.slice(eventSourceARN.lastIndexOf(':') + 1)
  const given_up = name.endsWith(DEAD_LETTERS)
  const queue = given_up ? name.slice(0, -DEAD_LETTERS.length) : name
  return { queue, message_id: messageId, text: body, given_up }
}

/** What a message asks for, and for whom. Who may send is IAM's to say, so that the user is who it says. */
export interface Order {
  readonly user_id: string
  readonly submission: Submission
}

const Body = InferenceBody.extend({
  user_id: z.string().refine(id => UserId.safeParse(id).success, 'must be 1 to 128 of A-Z a-z 0-9 . _ @ -'),
})

/** Throws `RequestError`: what is wrong with the message, and where. */
export function parseInput(text: string): Order {
  const { user_id, ...body } = parseBodyAs(Body, text)
  return { user_id, submission: toSubmission(body) }
}
