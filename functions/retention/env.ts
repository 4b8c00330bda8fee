import * as z from 'zod'
import { BaseEnv, LedgerEnv } from '../core/platform/env.ts'

export const Env = z.object({ ...BaseEnv.shape, ...LedgerEnv.shape })
export type Env = z.infer<typeof Env>
