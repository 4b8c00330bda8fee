import * as z from 'zod'
import { callRate, duration, flag, Mapping, Name, oneOf, section, text, wholeDays, wholeNumber } from './fields.ts'
import { Model } from './model-schema.ts'
import { CLOUDFORMATION_TAKES, MAX_RESOURCES, RESOURCES } from './resources.ts'

/** A quota item lists its open requests, and each admission writes it. This limit keeps the item small. */
export const IN_FLIGHT_PER_SHARD = 100

const MOST_MODELS = Math.floor((MAX_RESOURCES - RESOURCES.stack) / (RESOURCES.model + RESOURCES.circuit))

/** The two priorities of a request. Each has its own queues and workers. */
const Priority = oneOf('high', 'normal')

/** The limits of a user with this plan, per quota window. `shards` is resolved: it is the given number, or the needed one if that is higher. */
export const Plan = section({
  requests: wholeNumber(1, 1_000_000_000).meta({
    description: 'Requests that a user may make in a window.',
    examples: [100],
  }),
  tokens: wholeNumber(1, 1_000_000_000_000).meta({
    description: 'Tokens that a user may spend in a window, what is reserved for open requests included.',
    examples: [10_000],
  }),
  in_flight: wholeNumber(1, 100_000).meta({
    description: 'Requests of a user that may be queued or running at a time.',
    examples: [20],
  }),
  priorities: z
    .array(Priority, 'must be a list of priorities, such as [normal]')
    .min(1, 'must name at least one priority: high, normal or both')
    .refine(isUnique, 'must name each priority once')
    .meta({ description: 'The priorities that a request of this plan may ask for.', examples: [['high', 'normal']] }),
  models: z
    .array(Name, 'must be a list of models, such as [text]')
    .min(1, 'must name at least one model; leave it out to allow all')
    .refine(isUnique, 'must name each model once')
    .optional()
    .meta({
      description:
        'The models that a request of this plan may go to, whether it names one or routing chooses it; all if not given. Another one is refused with 403 `model_not_allowed`.',
      examples: [['text']],
    }),
  shards: wholeNumber(1, 1_000)
    .optional()
    .meta({
      description:
        'Counters that the limits are split over, each with an equal part: one request can reserve no more tokens than a part. One for ' +
        'each 100 in flight if not given, and never fewer; more help a user who posts hundreds of requests a second.',
      examples: [10],
    }),
  rate: callRate(
    1_000_000,
    'Calls of the API that a user may make. Posts that are admitted are counted exactly (each shard allows an equal part), all calls ' +
      'by each environment of a function for itself. A call over it is refused with 429 and rate_exceeded, before it costs anything.',
  ).prefault('30000/m'),
}).transform(plan => ({
  ...plan,
  shards: Math.max(plan.shards ?? 1, Math.ceil(plan.in_flight / IN_FLIGHT_PER_SHARD)),
}))
export type Plan = z.infer<typeof Plan>

const Queue = section({
  backend: oneOf('sqs', 'rabbitmq').prefault('sqs').meta({ description: 'What carries the messages.' }),
  // SQS keeps a message for 14 days at most, and a worker must still find an expired request in its queue.
  expire_after: duration({
    min: '1m',
    max: '13d',
    example: '6h',
    description: 'A request that has not started by then expires, and costs nothing.',
  }).prefault('6h'),
})

const Quotas = section({
  window: oneOf('day', 'hour')
    .prefault('day')
    .meta({ description: 'How long a quota lasts. It starts anew at 00:00 UTC, or each hour.' }),
  default_plan: Name.meta({ description: 'The plan of a user who was given none.', examples: ['free'] }),
  plans: z
    .record(Name, Plan, 'must be a mapping of plan names to plans')
    .refine(isFilled, 'must have at least one plan')
    .meta({ description: 'The plans by name.' }),
})

/** One routing rule: a request for which `when` is true goes to `model`. */
export const Route = section({
  when: Mapping.optional().meta({
    description:
      "A condition over the request's fields, and `user_id` and `plan`, which are the caller's whatever the body says. The last route has none: it is the default.",
    examples: ['model_type = "image"'],
  }),
  model: Name.meta({ description: 'The model that such a request runs on.', examples: ['text'] }),
})
export type Route = z.infer<typeof Route>

/** More leases of one user would not fit into one DynamoDB expression. functions/core/stores/waits/port.ts refuses them too. */
const MAX_WAITS_PER_USER = 50

const Waiting = section({
  per_user: wholeNumber(0, MAX_WAITS_PER_USER)
    .prefault(10)
    .meta({ description: 'Calls of one user that may wait at a time. 0: none waits for two seconds or more.' }),
  total: wholeNumber(0, 10_000)
    .prefault(50)
    .meta({
      description:
        'Calls that may wait at a time, of all users. Each holds a concurrent execution of Lambda, of which all functions of an account ' +
        'share 1,000, and 10 in many new accounts: set it to 4 there. 0: none waits for two seconds or more.',
      examples: [4],
    }),
})

const reserved = (what: string) =>
  wholeNumber(1, 100_000)
    .optional()
    .meta({ description: `Of the ${what}.`, examples: [100] })

const ReservedConcurrency = section({
  authorizer: reserved('authorizer, which checks keys that were not seen for a minute; it takes some 10 ms a call'),
  gateway: reserved('gateway, which answers POST; more than `waiting.total`, since all waits may be here'),
  reader: reserved('reader, which answers GET and DELETE; more than `waiting.total`, since all waits may be here'),
  collector: reserved('collector, which records results; its queues take 12 at a time'),
})

/** Fields that log lines have already: those of Lambda, those of the logger, and those that name the subject of a line. */
const LOGGED = new Set([
  ...['level', 'message', 'timestamp', 'service', 'sampling_rate', 'error', 'cold_start', 'xray_trace_id'],
  ...['function_name', 'function_arn', 'function_memory_size', 'function_request_id'],
  ...['request_id', 'message_id', 'model', 'queue', 'attempt', 'code', 'status', 'until'],
])

const Retention = section({
  ledger: wholeDays({
    min: '15d',
    max: '3650d',
    example: '90d',
    description:
      'How long Postgres keeps the row of a request after its end, and a dead letter. For ever if not given. Once a day, what is older is deleted. ' +
      'At least 15 days, since a queue may bring a result for 14 days.',
  }).optional(),
  payloads: wholeDays({
    min: '15d',
    max: '3650d',
    example: '30d',
    description:
      'How long the bucket keeps a body or a result that is too large for a message or a row. At least queue.expire_after and 14 days, so that they ' +
      'outlive every message that names them.',
  }).prefault('120d'),
})

const Observability = section({
  log_level: oneOf('DEBUG', 'INFO', 'WARN', 'ERROR')
    .prefault('INFO')
    .meta({ description: 'The least severe level that is logged.' }),
  namespace: text(
    /^(?!AWS\/)[A-Za-z0-9._/#-]{1,255}$/,
    'a CloudWatch namespace of letters, digits and ._/#-, not starting with AWS/',
  )
    .prefault('Sluice')
    .meta({ description: 'The CloudWatch namespace of all metrics.' }),
  tracing: flag.prefault(false).meta({ description: 'Whether functions and calls are traced.' }),
  store_prompts: flag.prefault(true).meta({
    description:
      'Whether the prompt is kept in Postgres. Prompts are never logged. The dead letter of a request has its message, prompt included, ' +
      'either way: it is needed for a redrive.',
  }),
  fields: z
    .record(
      text(/^[A-Za-z_][A-Za-z0-9_]{0,63}$/, 'a name of letters, digits and _, up to 64 characters').refine(
        name => !LOGGED.has(name),
        'is a field of log lines already',
      ),
      z
        .string('must be a text (put quotes around a number)')
        .regex(/^[^\0]*$/, 'must not have U+0000, which no environment variable can hold'),
      'must be a mapping of names to texts',
    )
    .prefault({})
    .meta({ description: 'Fields that are added to each log line.', examples: [{ environment: 'dev' }] }),
  retention: Retention.prefault({}).meta({ description: 'How long what is recorded is kept.' }),
})

const Input = section({
  // A queue's name has 80 characters at most, and the name of its dead-letter queue is four longer.
  queue: text(/^[A-Za-z0-9_-]{1,76}$/, 'a name of letters, digits, - and _, up to 76 characters').meta({
    description:
      'The name of the SQS queue, which the stack creates. Each message is the body of a POST with a user_id; who may send, IAM says.',
    examples: ['nightly-prompts'],
  }),
})

/** The pipeline file, which describes a whole deployment. The schema gives durations in milliseconds and fills in defaults. */
export const Pipeline = section({
  name: text(
    /^[A-Za-z][A-Za-z0-9-]{0,23}$/,
    'a name of letters, digits and -, starting with a letter, up to 24 characters',
  )
    .prefault('sluice')
    .meta({ description: 'What the deployment is called. It is part of the AWS names.' }),
  inputs: z.array(Input, 'must be a list of inputs, such as [{ queue: nightly-prompts }]').optional().meta({
    description:
      'Queues that requests come from besides HTTP, through the same admission. A refused one is a dead letter.',
  }),
  queue: Queue.prefault({}).meta({ description: 'How requests wait.' }),
  quotas: Quotas.meta({ description: 'What users may use.' }),
  waiting: Waiting.prefault({}).meta({
    description:
      'How many calls may wait for the end of a request (`Prefer: wait=N`, `?wait=N`) for two seconds or more. One over a limit is ' +
      'answered at once.',
  }),
  reserved_concurrency: ReservedConcurrency.prefault({}).meta({
    description:
      'Concurrent executions that a function has for itself: no other function can use them up, and it gets no more than these. ' +
      'None by default: AWS refuses what would leave fewer than 100 to the rest of the account, so an account with 10 can reserve none.',
  }),
  routing: z
    .array(Route, 'must be a list of routes')
    .min(1, 'must have at least the default route, such as [{ model: text }]')
    .meta({
      description: 'Which model a request runs on: the first route that fits, unless the request names its model.',
    }),
  models: z
    .record(Name, Model, 'must be a mapping of model names to models')
    .refine(isFilled, 'must have at least one model')
    .meta({
      description:
        `The models by name. CloudFormation takes ${CLOUDFORMATION_TAKES} resources in a stack, room for ${MOST_MODELS} models with a circuit; ` +
        `each input takes ${RESOURCES.input} of them.`,
    }),
  observability: Observability.prefault({}).meta({ description: 'What can be seen of the running system.' }),
}).meta({ title: 'Sluice pipeline', description: 'The one file that decides what a deployment of Sluice is.' })
export type Pipeline = z.infer<typeof Pipeline>

function isUnique(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length
}

function isFilled(record: object): boolean {
  return Object.keys(record).length > 0
}
