import * as z from 'zod'
import { MAX_TOKENS } from '../domain/estimate.ts'
import type { Operation } from '../domain/operation.ts'
import { MAX_METADATA_BYTES } from '../domain/submission.ts'

/*
 * The fields of the OpenAI API's bodies that Sluice reads. Other fields stay unchanged. They are passed on to the
 * model's endpoint, or `checkSupported` refuses them by name.
 */

const Bound = z.int().nonnegative().max(MAX_TOKENS).optional()

const Common = {
  model: z
    .string()
    .min(1, 'must not be empty')
    .meta({ description: 'A model of pipeline.yaml.', examples: ['text'] }),
  metadata: z
    .record(z.string(), z.unknown())
    .refine(m => Buffer.byteLength(JSON.stringify(m)) <= MAX_METADATA_BYTES, 'must be at most 16 KiB as JSON')
    .optional()
    .meta({ description: 'Data of the client, which is stored with the request and returned unchanged.' }),
  service_tier: z
    .string()
    .optional()
    .meta({ description: '`priority` means the priority `high`, if the plan allows it.', examples: ['priority'] }),
  stream: z
    .boolean()
    .optional()
    .meta({ description: 'With true, the answer is a stream of one chunk, which is sent at the end.' }),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).optional(),
}

const Sampling = {
  temperature: z.number().min(0).max(2).optional(),
  top_p: z.number().min(0).max(1).optional(),
}

const Parts = z.array(z.looseObject({ type: z.string() }))
const Content = z.union([z.string(), Parts], 'must be a text or a list of parts')

const Message = z.looseObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool', 'function']),
  content: Content.nullish(),
})

export const ChatBody = z.looseObject({
  ...Common,
  ...Sampling,
  messages: z.array(Message).min(1, 'must have at least one message'),
  max_tokens: Bound,
  max_completion_tokens: Bound,
  n: z.int().min(1).max(128).optional(),
  tools: z.array(z.looseObject({ type: z.string() })).optional(),
})

const Tokens = z.array(z.int().nonnegative()).min(1)
const Texts = z.union(
  [z.string().min(1, 'must not be empty'), z.array(z.string().min(1)).min(1), Tokens, z.array(Tokens).min(1)],
  'must be a text that is not empty, or a list of such texts',
)

export const CompletionBody = z.looseObject({
  ...Common,
  ...Sampling,
  prompt: Texts,
  max_tokens: Bound,
  n: z.int().min(1).max(128).optional(),
})

export const EmbeddingBody = z.looseObject({
  model: Common.model,
  metadata: Common.metadata,
  service_tier: Common.service_tier,
  input: Texts,
  encoding_format: z.enum(['float', 'base64']).optional(),
  dimensions: z.int().positive().optional(),
})

const Item = z.looseObject({
  type: z.string().optional(),
  role: z.string().optional(),
  content: Content.nullish(),
})

export const ResponseBody = z.looseObject({
  ...Common,
  ...Sampling,
  input: z
    .union([z.string(), z.array(Item).min(1, 'must have at least one item')], 'must be a text or a list of items')
    .meta({ description: 'A text, or a list of messages, tool calls and their outputs.' }),
  instructions: z.string().optional(),
  max_output_tokens: Bound,
  background: z.boolean().optional().meta({
    description: 'With true, the call is answered at once, and the client reads the response later by its id.',
  }),
  tools: z.array(z.looseObject({ type: z.string() })).optional(),
})

/** The schema of the body of each operation. */
export const BODIES = {
  'chat.completions': ChatBody,
  completions: CompletionBody,
  embeddings: EmbeddingBody,
  responses: ResponseBody,
} as const satisfies Record<Operation, z.ZodType>
