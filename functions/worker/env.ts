import * as z from 'zod'
import { BaseEnv, QueueEnv } from '../core/platform/env.ts'

export const Env = z.object({
  ...BaseEnv.shape,
  ...QueueEnv.shape,
  REQUESTS_TABLE: z.string(),
  QUOTA_TABLE: z.string(),
  MODELS_TABLE: z.string(),
  PAYLOADS_BUCKET: z.string(),
  /**
   * How many invocations an environment (a process in which Lambda runs the function) runs at the same time, if it can
   * run more than one. Then `isolation.ts` keeps a request that may crash its environment apart from the others. Lambda
   * sets this variable on its managed instances.
   */
  AWS_LAMBDA_MAX_CONCURRENCY: z.string().optional(),
})
export type Env = z.infer<typeof Env>
