import type { Settings as GatewaySettings } from '../../functions/core/admission/settings.ts'
import { planOf } from '../../functions/core/domain/quota-settings.ts'
import { DEFAULT_RATE } from '../../functions/core/domain/rate.ts'
import { bulkOf, queueName, RESULTS_QUEUE } from '../../functions/core/queue/names.ts'
import type { WaitLimits } from '../../functions/core/stores/waits/port.ts'
import type { QueueSettings } from './models/sqs.ts'

/** The clock starts 15 minutes before midnight (UTC), so that a history can pass midnight, when a new quota window begins. */
export const START = Date.UTC(2026, 10, 23, 23, 45)

export const MODEL = 'text'
export const EXPIRE_AFTER_MS = 30 * 60_000

/** The timeout of each function in milliseconds. */
export const TIMEOUTS = {
  gateway: 29_000,
  intake: 29_000,
  reader: 29_000,
  worker: 90_000,
  collector: 120_000,
  sweeper: 240_000,
  mover: 300_000,
}
/** The timeout of an operator's command in milliseconds. */
export const COMMAND_TIMEOUT = 600_000

/** The settings of the gateway. The quotas are so small that a few requests reach every limit. */
export const GATEWAY: GatewaySettings = {
  quotas: {
    window: 'day',
    default_plan: 'small',
    plans: {
      small: { requests: 3, tokens: 40, in_flight: 2, priorities: ['normal'], shards: 1, rate: DEFAULT_RATE },
      sharded: { requests: 6, tokens: 80, in_flight: 4, priorities: ['high', 'normal'], shards: 2, rate: DEFAULT_RATE },
      large: {
        requests: 100,
        tokens: 10_000,
        in_flight: 50,
        priorities: ['high', 'normal'],
        shards: 1,
        rate: DEFAULT_RATE,
      },
    },
  },
  routing: [{ model: MODEL }],
  models: [MODEL],
  expire_after_ms: EXPIRE_AFTER_MS,
}

/** Limits of calls that wait for the end of a request. They are so small that a few calls reach both limits. */
export const WAIT_LIMITS: WaitLimits = { per_user: 1, total: 2 }

export const MAPPINGS = {
  request:
    '{ "request_id": request_id, "prompt": prompt, "attempt": attempt, "bound": parameters.max_tokens, "text": $substring(prompt, 0, 7) = "unmapped" ? $number(prompt) : prompt }',
  response: '{ "result": result, "usage": usage }',
}

export const USERS: Readonly<Record<string, string>> = {
  ann: 'small',
  bob: 'sharded',
  cid: 'large',
  dan: 'large',
  pia: 'large',
}
export const planOfUser = (userId: string) => planOf(GATEWAY.quotas, USERS[userId] ?? '').plan

export const TABLES = { quota: ['pk'], models: ['model'], requests: ['user_id', 'request_id'] } as const
export const URL_PREFIX = 'https://sqs/'
export const LEDGER_ENV = { LEDGER_CLUSTER_ARN: 'cluster', LEDGER_SECRET_ARN: 'secret', LEDGER_DATABASE: 'sluice' }

const WORK: QueueSettings = { visibility_ms: TIMEOUTS.worker + 30_000, max_receives: 4 }
export const WORK_QUEUES = [queueName(MODEL, 'high'), queueName(MODEL, 'normal')]
/** Queues for the messages of users with many open requests, which are delivered after other users' messages. Only RabbitMQ has bulk queues. */
export const BULK_QUEUES = WORK_QUEUES.map(bulkOf)
/** If a user has more open requests than this, the user's messages go to a bulk queue. The number is small, so that many messages go there. */
export const GIVES_WAY_ABOVE = 1
/** The input queue. A deployment that removes the model does not remove this queue. */
export const INPUT_QUEUE = 'nightly'
export const QUEUES: Readonly<Record<string, QueueSettings>> = {
  ...Object.fromEntries(WORK_QUEUES.map(name => [name, WORK])),
  [INPUT_QUEUE]: { visibility_ms: TIMEOUTS.intake + 30_000, max_receives: 4 },
  [RESULTS_QUEUE]: { visibility_ms: TIMEOUTS.collector + 30_000, max_receives: 1_000 },
}
