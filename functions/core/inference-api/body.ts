import * as z from 'zod'
import { MAX_TOKENS } from '../domain/estimate.ts'
import { Priority } from '../domain/ids.ts'
import { MAX_METADATA_BYTES, type Submission } from '../domain/submission.ts'
import { parseBodyAs } from '../http/parse-body.ts'

/** The body of `POST /v1/inference`. Any further field is kept, for routing and for the mappings to see. */
export const InferenceBody = z.looseObject({
  prompt: z.string().min(1, 'must not be empty'),
  model_type: z.string().optional(),
  model: z.string().optional(),
  parameters: z
    .looseObject({ max_tokens: z.number().nonnegative().max(MAX_TOKENS, { abort: true }).int().optional() })
    .optional(),
  priority: Priority.default('normal'),
  metadata: z
    .record(z.string(), z.unknown())
    .refine(m => Buffer.byteLength(JSON.stringify(m)) <= MAX_METADATA_BYTES, 'must be at most 16 KiB as JSON')
    .optional(),
})
export type InferenceBody = z.infer<typeof InferenceBody>

/** Parses the body of a post. Throws `RequestError`: what is wrong with it, and where. */
export const parseBody = (text: string): InferenceBody => parseBodyAs(InferenceBody, text)

/** What such a body asks for. */
export const toSubmission = (body: InferenceBody): Submission => ({
  body,
  prompt: body.prompt,
  max_tokens: body.parameters?.max_tokens,
  model: body.model,
  priority: body.priority,
  metadata: body.metadata,
})
