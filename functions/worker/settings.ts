import * as z from 'zod'
import { Price } from '../core/domain/price.ts'
import { Policies } from '../core/flow-control/policies.ts'
import { Retry } from '../core/inference/retry.ts'
import { OpenAiEndpoint } from '../core/openai-format/endpoint.ts'

/** The settings of one model of pipeline.yaml. A worker runs the requests of a single model. */
export const Settings = z.strictObject({
  model: z.string(),
  /** The names of the model's provider and of the model in traces, if pipeline.yaml has them. */
  provider: z.string().optional(),
  endpoint_model: z.string().optional(),
  endpoint: z.strictObject({
    url: z.url(),
    timeout_ms: z.int().positive(),
    headers: z.record(z.string(), z.string()),
    /**
     * `secret` names a secret of AWS Secrets Manager, and `field` a field of that secret. `sigv4` names the AWS service
     * for which calls are signed.
     */
    auth: z
      .union([
        z.strictObject({ header: z.string(), prefix: z.string(), secret: z.string(), field: z.string().optional() }),
        z.strictObject({ sigv4: z.string() }),
      ])
      .optional(),
  }),
  /** The JSONata over the request's fields that makes the body to send. */
  request: z.string(),
  /** The JSONata over the model's answer that makes `{ result, usage? }`. */
  response: z.string(),
  /** Whether one call is made for all messages of an invocation. */
  batched: z.boolean(),
  /** The JSONata over the answer to a batch that finds its elements. */
  outputs: z.string().optional(),
  retry: Retry,
  ...Policies.shape,
  store_prompts: z.boolean(),
  /** The price of the model's tokens. */
  price: Price.optional(),
  /** The URLs of the endpoint's OpenAI API, if bodies of that API are passed on unchanged. */
  openai: OpenAiEndpoint.optional(),
})
export type Settings = z.infer<typeof Settings>
