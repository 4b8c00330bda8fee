import * as z from 'zod'
import { BaseEnv } from '../core/platform/env.ts'
import { RabbitMqEnv } from '../core/platform/queue-env-rabbitmq.ts'

export const Env = z.object({ ...BaseEnv.shape, ...RabbitMqEnv.shape })
export type Env = z.infer<typeof Env>
