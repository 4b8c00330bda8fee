import * as z from 'zod'
import { BaseEnv } from '../core/platform/env.ts'

export const Env = z.object({ ...BaseEnv.shape, KEYS_TABLE: z.string(), USERS_TABLE: z.string() })
export type Env = z.infer<typeof Env>
