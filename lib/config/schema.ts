import * as z from 'zod'
import {
  callRate,
  flag,
  Mapping,
  Name,
  OtlpEndpoint,
  oneOf,
  section,
  text,
  Url,
  wholeDays,
  wholeNumber,
} from './fields.ts'
import { Model } from './model-schema.ts'
import { Network, Queue } from './queue-schema.ts'
import { CLOUDFORMATION_TAKES, MAX_RESOURCES, RESOURCES } from './resources.ts'

/**
 * The most open requests per shard. A quota item contains its open requests, and each admission writes the item. So
 * this limit keeps the item small.
 */
export const IN_FLIGHT_PER_SHARD = 100

const MOST_MODELS = Math.floor((MAX_RESOURCES - RESOURCES.stack) / (RESOURCES.model + RESOURCES.circuit))

/** The two priorities of a request. Each has its own queues and workers. */
const Priority = oneOf('high', 'normal')

/**
 * The limits of a user with this plan, per quota window. `shards` is the number in the file, or the number that `in_flight`
 * needs if that is higher.
 */
export const Plan = section({
  requests: wholeNumber(1, 1_000_000_000).meta({
    description: 'The most requests of one user in a window.',
    examples: [100],
  }),
  tokens: wholeNumber(1, 1_000_000_000_000).meta({
    description: 'The most tokens of one user in a window. Tokens that are reserved for open requests count, too.',
    examples: [10_000],
  }),
  in_flight: wholeNumber(1, 100_000).meta({
    description: 'The most requests of one user that are queued or running at the same time.',
    examples: [20],
  }),
  priorities: z
    .array(Priority, 'must be a list of priorities, such as [normal]')
    .min(1, 'must name at least one priority: high, normal or both')
    .refine(isUnique, 'must name each priority once')
    .meta({ description: 'The priorities that a request of this plan may have.', examples: [['high', 'normal']] }),
  models: z
    .array(Name, 'must be a list of models, such as [text]')
    .min(1, 'must name at least one model; leave it out to allow all')
    .refine(isUnique, 'must name each model once')
    .optional()
    .meta({
      description:
        'The models that a request of this plan may use. This holds for a model that the request names, and for a model that routing chooses. All models by default. A request for another model gets 403 `model_not_allowed`.',
      examples: [['text']],
    }),
  shards: wholeNumber(1, 1_000)
    .optional()
    .meta({
      description:
        'The number of counters over which the limits are split. Each counter has an equal part of the limits, and one request can reserve ' +
        'at most one part of the tokens. There must be at least one shard per 100 requests in flight; this is also the default. More shards ' +
        'help a user who posts hundreds of requests per second.',
      examples: [10],
    }),
  rate: callRate(
    1_000_000,
    'The most API calls of one user. Admitted POSTs are counted exactly (each shard allows an equal part). Each Lambda ' +
      'environment also counts all calls that it gets. A call above the rate gets 429 `rate_exceeded`, and is not charged.',
  ).prefault('30000/m'),
}).transform(plan => ({
  ...plan,
  shards: Math.max(plan.shards ?? 1, Math.ceil(plan.in_flight / IN_FLIGHT_PER_SHARD)),
}))
export type Plan = z.infer<typeof Plan>

const Quotas = section({
  window: oneOf('day', 'hour')
    .prefault('day')
    .meta({ description: 'The time after which quotas start again: at 00:00 UTC, or at each full hour.' }),
  default_plan: Name.meta({ description: 'The plan of users who have no other plan.', examples: ['free'] }),
  plans: z
    .record(Name, Plan, 'must be a mapping of plan names to plans')
    .refine(isFilled, 'must have at least one plan')
    .meta({ description: 'The plans by name.' }),
})

/** One routing rule: a request for which `when` is true goes to `model`. */
export const Route = section({
  when: Mapping.optional().meta({
    description:
      "A condition over the request's fields, `user_id` and `plan`. `user_id` and `plan` are always those of the caller, even if the body has fields with these names. The last route has no condition: it is the default.",
    examples: ['model_type = "image"'],
  }),
  model: Name.meta({ description: 'The model that runs a request of this route.', examples: ['text'] }),
})
export type Route = z.infer<typeof Route>

/**
 * The most waits of one user. More leases would not fit into one DynamoDB expression.
 * functions/core/stores/waits/port.ts refuses more, too.
 */
const MAX_WAITS_PER_USER = 50

const Waiting = section({
  per_user: wholeNumber(0, MAX_WAITS_PER_USER).prefault(10).meta({
    description:
      'The most calls of one user that wait at the same time. With 0, no call waits for two seconds or more.',
  }),
  total: wholeNumber(0, 10_000)
    .prefault(50)
    .meta({
      description:
        'The most calls of all users that wait at the same time. Each waiting call uses one concurrent execution of Lambda. All functions of ' +
        'an account share 1,000 executions. In an account that has only 10 executions, set this to 0: then no call waits for two seconds or more.',
      examples: [4],
    }),
})

const reserved = (what: string) =>
  wholeNumber(1, 100_000)
    .optional()
    .meta({ description: `Concurrent executions for the ${what}.`, examples: [100] })

const ReservedConcurrency = section({
  authorizer: reserved('authorizer, which is asked for the user of each call. A call takes about 5 ms'),
  gateway: reserved(
    'gateway, which answers POST. It must be more than `waiting.total`, since all waiting calls may be here',
  ),
  reader: reserved(
    'reader, which answers GET and DELETE. It must be more than `waiting.total`, since all waiting calls may be here',
  ),
  collector: reserved('collector, which records results. Its queues use up to 12'),
})

/**
 * The fields that log lines have already: fields of Lambda, fields of the logger, and fields with the subject of a line.
 * `fields` can't have these names.
 */
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
      'How long Postgres keeps dead letters, and the rows of ended requests. For ever by default. Older rows are deleted once a day. ' +
      'The shortest time is 15 days, since a result may stay in a queue for 14 days.',
  }).optional(),
  payloads: wholeDays({
    min: '15d',
    max: '3650d',
    example: '30d',
    description:
      'How long the bucket keeps bodies and results that are too large for a message or a row. It must be at least `queue.expire_after` plus 14 days, ' +
      'so that an object outlives every message that names it.',
  }).prefault('120d'),
})

const SAMPLE_FORM = 'must be a number from 0 to 1, such as 0.1'
const TRACING_FORM = 'must be false, or a mapping with an endpoint, such as { endpoint: xray, sample: 0.1 }'

const Tracing = z.union([
  z
    .boolean(TRACING_FORM)
    .refine(isOn => !isOn, TRACING_FORM)
    .meta({ const: false })
    .transform(() => false as const),
  section({
    endpoint: OtlpEndpoint.meta({
      description:
        "The receiver of the traces: the URL to which functions post them by OTLP/HTTP, or `xray`, which is AWS's own receiver in the region of the stack.",
      examples: ['https://collector.example.com/v1/traces', 'xray'],
    }),
    sample: z
      .number(SAMPLE_FORM)
      .min(0, SAMPLE_FORM)
      .max(1, SAMPLE_FORM)
      .prefault(1)
      .meta({
        description:
          'The fraction of the traces that are kept. If a request has a `traceparent`, its flag decides instead.',
        examples: [0.1],
      }),
  }),
])

const Observability = section({
  log_level: oneOf('DEBUG', 'INFO', 'WARN', 'ERROR')
    .prefault('INFO')
    .meta({ description: 'Log lines below this level are left out.' }),
  namespace: text(
    /^(?!AWS\/)[A-Za-z0-9._/#-]{1,255}$/,
    'a CloudWatch namespace of letters, digits and ._/#-, not starting with AWS/',
  )
    .prefault('Sluice')
    .meta({ description: 'The CloudWatch namespace of all metrics.' }),
  metrics: section({
    endpoint: Url.meta({
      description:
        'The URL to which the functions send their metrics, in addition to CloudWatch, by OTLP over HTTP with JSON. The local system uses `OTEL_EXPORTER_OTLP_ENDPOINT` instead.',
      examples: ['https://otel.example.com/v1/metrics'],
    }),
  })
    .optional()
    .meta({ description: 'A further receiver of metrics. Without this key, the metrics go only to CloudWatch.' }),
  tracing: Tracing.prefault(false).meta({
    description:
      'The receiver of traces, or `false` for no traces. On this machine, the variable `OTEL_EXPORTER_OTLP_ENDPOINT` names the receiver. [tracing.md](tracing.md) explains traces.',
    examples: [{ endpoint: 'xray', sample: 0.1 }],
  }),
  store_prompts: flag.prefault(true).meta({
    description:
      'Keeps prompts in Postgres. Even if this is false, a dead letter has the message with its prompt, since a redrive needs the prompt. ' +
      'Prompts are never logged.',
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
  retention: Retention.prefault({}).meta({ description: 'How long rows and stored bodies are kept.' }),
})

const Input = section({
  // A queue's name may have 80 characters. The name of the dead-letter queue is four characters longer than this name.
  queue: text(/^[A-Za-z0-9_-]{1,76}$/, 'a name of letters, digits, - and _, up to 76 characters').meta({
    description:
      'The name of the queue. The stack creates it. Each message has the fields of a POST body, and a `user_id`. IAM decides who may send messages to a queue of SQS.',
    examples: ['nightly-prompts'],
  }),
})

const ManagedInstances = section({
  environments: wholeNumber(1, 1_000)
    .prefault(3)
    .meta({
      description:
        'The fewest environments of the worker of each model. An environment has one core and 4 GB of memory, and runs at all times. Sluice takes ' +
        'more environments if the `concurrency` of the model needs them. AWS advises three, one per availability zone.',
      examples: [1],
    }),
})

/** The pipeline file, which describes a whole deployment. The schema gives durations in milliseconds and fills in defaults. */
export const Pipeline = section({
  name: text(
    /^[A-Za-z][A-Za-z0-9-]{0,23}$/,
    'a name of letters, digits and -, starting with a letter, up to 24 characters',
  )
    .prefault('sluice')
    .meta({ description: 'The name of the deployment. It is part of the names in AWS.' }),
  inputs: z.array(Input, 'must be a list of inputs, such as [{ queue: nightly-prompts }]').optional().meta({
    description:
      'Queues from which Sluice takes requests, in addition to HTTP. The admission is the same. A refused request becomes a dead letter.',
  }),
  queue: Queue.prefault({}).meta({ description: 'The queue in which requests wait.' }),
  network: Network.optional().meta({
    description:
      'Your own VPC, in which all functions run, for example to reach a model there. Sluice looks nothing up in the account. Without `network`, functions run in no ' +
      'VPC; with `backend: rabbitmq`, Sluice creates one.',
  }),
  managed_instances: ManagedInstances.optional().meta({
    description:
      "Runs the workers on Lambda's managed instances: EC2 instances of your account on which many invocations share an environment. AWS bills the " +
      'instances, and not the time of the calls. So this may be cheaper for a model that is called hundreds of times at the same time, all day, and is dearer for others ' +
      '([recipes.md](recipes.md#managed-instances) has the arithmetic). It needs `network` and `backend: sqs`. The local system ignores it.',
    examples: [{ environments: 3 }],
  }),
  quotas: Quotas.meta({ description: 'The limits of users.' }),
  waiting: Waiting.prefault({}).meta({
    description:
      'The number of calls that may wait two seconds or more for the end of a request (`Prefer: wait=N`, `?wait=N`). A call above a limit is ' +
      'answered at once.',
  }),
  account_concurrency: wholeNumber(10, 1_000_000)
    .optional()
    .meta({
      description:
        'The number of concurrent executions of Lambda that the account has. Set it in an account with few executions (`aws lambda ' +
        'get-account-settings`; new accounts may have 10). The queues then leave at least a fifth of the executions to the API, and at least 2. Each ' +
        'queue with a consumer takes at least 2 executions: a model has two queues, an input has two, and the stack has two more. So 10 executions are ' +
        'enough for one model. Up to ten calls share an execution. A model may get fewer simultaneous calls than its `concurrency`.',
      examples: [10],
    }),
  reserved_concurrency: ReservedConcurrency.prefault({}).meta({
    description:
      'Concurrent executions that are reserved for one function. Other functions cannot use these executions, and this function cannot use ' +
      'more. By default, none are reserved. AWS refuses a reservation that leaves fewer than 100 executions to the rest of the account. So a small account cannot reserve any.',
  }),
  routing: z
    .array(Route, 'must be a list of routes')
    .min(1, 'must have at least the default route, such as [{ model: text }]')
    .meta({
      description:
        'Chooses the model of a request. The first route whose condition is true decides. A request that names its model needs no route.',
    }),
  models: z
    .record(Name, Model, 'must be a mapping of model names to models')
    .refine(isFilled, 'must have at least one model')
    .meta({
      description:
        `The models by name. A stack can have ${CLOUDFORMATION_TAKES} resources. This is enough for ${MOST_MODELS} models with a circuit. ` +
        `Each input needs ${RESOURCES.input} of these resources.`,
    }),
  observability: Observability.prefault({}).meta({ description: 'Logs, metrics, and how long data is kept.' }),
}).meta({ title: 'Sluice pipeline', description: 'The file that configures a deployment of Sluice.' })
export type Pipeline = z.infer<typeof Pipeline>

function isUnique(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length
}

function isFilled(record: object): boolean {
  return Object.keys(record).length > 0
}
