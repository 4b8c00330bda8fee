import * as z from 'zod'
import { BaseEnv, QueueEnv } from '../core/platform/env.ts'

export const Env = z.object({
  ...BaseEnv.shape,
  ...QueueEnv.shape,
  REQUESTS_TABLE: z.string(),
  QUOTA_TABLE: z.string(),
  PAYLOADS_BUCKET: z.string(),
})
export type Env = z.infer<typeof Env>
