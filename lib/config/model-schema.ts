import * as z from 'zod'
import { MAX_CONCURRENCY, nearestConcurrency, splitConcurrency } from './concurrency.ts'
import { duration, Mapping, section, text, Url, wholeNumber, wholeSeconds } from './fields.ts'

// The HTTP client sets these headers itself, and refuses them from a caller.
const CLIENT_HEADERS = new Set(
  'connection content-length expect host keep-alive te trailer transfer-encoding upgrade'.split(' '),
)
const HeaderName = text(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'the name of an HTTP header, such as X-Team').refine(
  name => !CLIENT_HEADERS.has(name.toLowerCase()),
  'must not be a header that HTTP itself sets',
)
const HeaderValue = text(/^[\t\x20-\x7e\x80-\xff]*$/, 'the value of an HTTP header: one line of Latin-1 text')

const HeaderAuth = section({
  header: HeaderName.prefault('Authorization').meta({ description: 'The header that carries the secret.' }),
  prefix: HeaderValue.prefault('Bearer ').meta({ description: 'What stands before the secret in the header.' }),
  secret: text(/^[A-Za-z0-9/_+=.@-]{1,512}$/, 'the name of a secret in AWS Secrets Manager').meta({
    description:
      'The name of the secret in AWS Secrets Manager; on one machine, the environment variable of that name in capitals, with _ for what is ' +
      'neither letter nor digit (of prod/text-model: PROD_TEXT_MODEL).',
    examples: ['OPENAI_API_KEY'],
  }),
}).meta({ title: 'with a secret' })

// Some services have one name in hosts and SDKs, and another one in signatures. With the wrong one, AWS would only answer 403.
const SIGNING_NAMES = new Map([
  ['bedrock-runtime', 'bedrock'],
  ['sagemaker-runtime', 'sagemaker'],
  ['lambda-url', 'lambda'],
  ['apigateway', 'execute-api'],
])

const SigV4Auth = section({
  sigv4: text(/^[a-z][a-z0-9-]{0,62}$/, 'the name of an AWS service, such as sagemaker')
    .superRefine((service, context) => {
      const name = SIGNING_NAMES.get(service)
      if (name === undefined) return
      context.addIssue({
        code: 'custom',
        message: `must be ${name}, the name with which its calls are signed, not ${service}`,
      })
    })
    .meta({
      description:
        'The AWS service that calls are signed for (Signature Version 4), with the credentials of the worker: sagemaker, bedrock, execute-api, lambda. What the worker is allowed by it, and what you have to allow, is in docs/recipes.md.',
      examples: ['sagemaker', 'bedrock'],
    }),
}).meta({ title: 'signed' })

const Auth = z.union([HeaderAuth, SigV4Auth])

const Endpoint = section({
  url: Url.meta({
    description:
      'Where the model is called, by POST. With `auth`, an https URL, but for a model on this machine. Never a link-local address. Redirects are not followed.',
    examples: ['https://models.example.com/predict'],
  }),
  // A Lambda function runs for 15 minutes at most, and needs some of them to publish the result.
  timeout: duration({ min: '1s', max: '14m', example: '60s', description: 'How long one call may take.' }).prefault(
    '60s',
  ),
  headers: z
    .record(HeaderName, HeaderValue, 'must be a mapping of header names to values')
    .prefault({})
    .meta({
      description:
        'Headers that each call carries. They are readable in the code of the deployed function: for what is secret there is auth.',
      examples: [{ 'X-Team': 'search' }],
    }),
  auth: Auth.optional().meta({ description: 'How a call proves who makes it.' }),
})

const Calls = wholeNumber(2, MAX_CONCURRENCY).superRefine((calls, context) => {
  if (splitConcurrency(calls)) return
  const message = `can't be shared evenly by the workers; the nearest that can is ${nearestConcurrency(calls)}`
  context.addIssue({ code: 'custom', message })
})

const Concurrency = z
  .union([
    Calls.transform(calls => ({ high: calls, normal: calls })),
    section({
      high: Calls.prefault(10).meta({ description: 'Calls at a time for priority high.' }),
      normal: Calls.prefault(10).meta({ description: 'Calls at a time for priority normal.' }),
    }),
  ])
  .prefault(10)
  .meta({
    description:
      'Calls at a time, for each priority; one number for both, or one for each. Some of them are made together by one worker, so it takes requests that wait to reach the number.',
    examples: [10, { high: 20, normal: 5 }],
  })

const Batch = section({
  // One worker claims every request of the batch before the call and publishes every result after it. It has half a minute for that.
  count: wholeNumber(2, 1_000).meta({ description: 'The most requests in one call.', examples: [10] }),
  // It becomes the window of the event source mapping: whole seconds, 5 minutes at most.
  period: wholeSeconds({
    min: '1s',
    max: '5m',
    example: '1s',
    description: 'How long a call waits to be full, in whole seconds.',
  }),
  url: Url.optional().meta({
    description: 'Where batches are posted; endpoint.url if not given. The same rules hold for it.',
    examples: ['https://models.example.com/batch_predict'],
  }),
})

const RateLimit = section({
  count: wholeNumber(1, 1_000_000).meta({
    description: 'The most calls of the endpoint in an interval, over all workers.',
    examples: [100],
  }),
  interval: duration({ min: '1s', max: '1h', example: '60s', description: 'The length of an interval.' }),
})

const statuses = (preset: number[], description: string) =>
  z
    .array(wholeNumber(400, 599), 'must be a list of HTTP statuses, such as [429, 503]')
    .refine(list => new Set(list).size === list.length, 'must name each status once')
    .prefault(preset)
    .meta({ description })

const Retry = section({
  attempts: wholeNumber(1, 100).prefault(5).meta({
    description:
      'Calls for one request in all, the first included; a few more where a batch fails as a whole, until it is known whose fault that is.',
  }),
  // SQS can delay a message by 15 minutes at most.
  period: duration({
    min: '100ms',
    max: '15m',
    example: '1s',
    description:
      'The shortest wait. The longest is twice that after the first attempt and doubles with each, up to max_backoff. Any wait between ' +
      'them is equally likely; it is rounded up to whole seconds.',
  }).prefault('1s'),
  max_backoff: duration({ min: '100ms', max: '15m', example: '30s', description: 'The longest wait.' }).prefault('30s'),
  backoff_on: statuses([429, 503], 'Statuses after which the call is made again. Other 5xx are always.'),
  drop_on: statuses([400, 404], 'Statuses after which the request has failed. Other 4xx always have.'),
})

/** This many make the model's state a kilobyte larger, so each call that a rate limit counts costs one write unit more. */
const MAX_FAILURES = 100

const Circuit = section({
  failures: wholeNumber(1, MAX_FAILURES).prefault(5).meta({
    description:
      'Failed calls that open the circuit: those that retry would make again, but for a 429 with Retry-After, which pauses the model.',
  }),
  within: duration({
    min: '1s',
    max: '1h',
    example: '60s',
    description: 'The time in which they are counted.',
  }).prefault('60s'),
  open: duration({
    min: '1s',
    max: '1h',
    example: '30s',
    description:
      'How long no call is made before one is tried. Each that fails makes it one `open` longer, up to eight and at most 15 minutes (or this, ' +
      'if it is longer).',
  }).prefault('30s'),
})

/** One model: where it is, how it is called and how it is protected. */
export const Model = section({
  endpoint: Endpoint.meta({ description: 'The HTTP endpoint that runs the model.' }),
  request: Mapping.meta({
    description: "The body of a call, over the request's fields, user_id, request_id and attempt.",
    examples: ['{ "model_input": prompt, "parameters": parameters }'],
  }),
  response: Mapping.meta({
    description:
      'The outcome, over the body of the answer: `result`, and `usage` if the model counts tokens (else the estimate is charged, and by its size what a request with max_tokens got beyond that).',
    examples: ['{ "result": result, "usage": usage }'],
  }),
  concurrency: Concurrency,
  batch: Batch.optional().meta({
    description:
      'One call for many requests: its body is `{ "inputs": [ … ] }`, its answer `{ "outputs": [ … ] }`, in the same order.',
  }),
  rate_limit: RateLimit.optional().meta({ description: 'How often the endpoint may be called.' }),
  retry: Retry.prefault({}).meta({
    description: 'What happens after a failed call. In effect with these defaults if absent.',
  }),
  circuit: Circuit.optional().meta({ description: 'When a failing endpoint is left alone. Absent: there is none.' }),
})
export type Model = z.infer<typeof Model>
