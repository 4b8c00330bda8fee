import * as z from 'zod'
import { MAX_TOKENS } from './estimate.ts'
import { Priority } from './ids.ts'

/** `metadata` lives in the request item, whose every write is billed by the KB. */
export const MAX_METADATA_BYTES = 16 * 1024

/** The body of `POST /v1/inference`. Any further field is kept, for routing and for the mappings to see. */
export const Submission = z.looseObject({
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
export type Submission = z.infer<typeof Submission>
