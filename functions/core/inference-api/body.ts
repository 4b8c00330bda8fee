import * as z from 'zod'
import { MAX_TOKENS, OUTPUT_BOUNDS } from '../domain/estimate.ts'
import { Priority } from '../domain/ids.ts'
import { MAX_METADATA_BYTES, type Submission } from '../domain/submission.ts'
import { parseBodyAs } from '../http/parse-body.ts'

const Bound = z.number().nonnegative().max(MAX_TOKENS, { abort: true }).int().nullish()

/**
 * Refuses a request whose bound of the output, such as `max_tokens`, is not a whole number. A bound that is null counts
 * as absent.
 */
const checkBounds = (fields: Record<string, unknown>, context: z.RefinementCtx): void => {
  for (const name of OUTPUT_BOUNDS) {
    if (Bound.safeParse(fields[name]).success) continue
    context.addIssue({
      code: 'custom',
      path: [name],
      message: `must be an integer from 0 to ${MAX_TOKENS / 1e9} billion`,
    })
  }
}

/**
 * The schema of `parameters`. It names the field `max_tokens`, because the schema of version 0.1.0 named it, too. A
 * parsed object begins with the fields that its schema names, and the fingerprints (hashes) of version 0.1.0 depend on
 * this order. With another order, a client's retry after an upgrade would be refused as a call with another body.
 */
const Parameters = z.looseObject({ max_tokens: z.unknown().optional() }).superRefine(checkBounds)

const Fields = z.looseObject({
  prompt: z.string().min(1, 'must not be empty'),
  model_type: z.string().optional(),
  model: z.string().optional(),
  parameters: Parameters.optional(),
  priority: Priority.default('normal'),
  metadata: z
    .record(z.string(), z.unknown())
    .refine(m => Buffer.byteLength(JSON.stringify(m)) <= MAX_METADATA_BYTES, 'must be at most 16 KiB as JSON')
    .optional(),
})

/** The body of `POST /v1/inference`. Other fields are kept for routing and for the mappings. */
export const InferenceBody = Fields.superRefine(checkBounds)
export type InferenceBody = z.infer<typeof InferenceBody>

/** Parses the body of a post. Throws a `RequestError` that names the problem and its place. */
export const parseBody = (text: string): InferenceBody => parseBodyAs(InferenceBody, text)

/** Makes the submission of a body. */
export const toSubmission = (body: InferenceBody): Submission => ({
  body,
  prompt: body.prompt,
  model: body.model,
  priority: body.priority,
  metadata: body.metadata,
})
