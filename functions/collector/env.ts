import * as z from 'zod'
import { BaseEnv, LedgerEnv, QueueEnv } from '../core/platform/env.ts'

export const Env = z.object({
  ...BaseEnv.shape,
  ...LedgerEnv.shape,
  ...QueueEnv.shape,
  REQUESTS_TABLE: z.string(),
  QUOTA_TABLE: z.string(),
  PAYLOADS_BUCKET: z.string(),
  /** Whether prompts are stored in the ledger. */
  STORE_PROMPTS: z.literal('true').optional(),
})
export type Env = z.infer<typeof Env>
