import * as z from 'zod'
import { MAX_CONCURRENCY, nearestConcurrency, splitConcurrency } from './concurrency.ts'
import { duration, Mapping, oneOf, section, text, Url, wholeNumber, wholeSeconds } from './fields.ts'
import { PROVIDERS } from './providers/index.ts'

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
  prefix: HeaderValue.prefault('Bearer ').meta({ description: 'The text before the secret in the header.' }),
  secret: text(/^[A-Za-z0-9/_+=.@-]{1,512}$/, 'the name of a secret in AWS Secrets Manager').meta({
    description:
      'The name of the secret in AWS Secrets Manager. `npm start` reads the environment variable of that name in capitals, with _ in place of ' +
      'other characters than letters and digits: `PROD_TEXT_MODEL` for prod/text-model.',
    examples: ['OPENAI_API_KEY'],
  }),
  field: text(/^[^\p{Cc}]{1,128}$/u, 'the name of a field of the secret, such as apiKey')
    .optional()
    .meta({
      description:
        'The field of the secret that the header carries, if the secret is a JSON object such as `{ "apiKey": "…" }`. Without it, the header carries the whole secret. If the model answers 401, the secret is read anew, and the call is made once more if the secret has changed.',
      examples: ['apiKey'],
    }),
}).meta({ title: 'with a secret' })

// Some services have one name in hosts and SDKs, and another name in signatures. With the wrong name, AWS would only
// answer 403.
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
        'The AWS service that calls are signed for: sagemaker, bedrock, execute-api or lambda. The signature (Signature Version 4) uses the credentials of the worker. docs/recipes.md says which permissions the worker gets, and which you have to grant.',
      examples: ['sagemaker', 'bedrock'],
    }),
}).meta({ title: 'signed' })

const Auth = z.union([HeaderAuth, SigV4Auth])

const Endpoint = section({
  url: Url.meta({
    description:
      'The address of the model. Each call is a POST. With `auth`, it must be an https URL, unless the model is on this machine. A link-local address is refused. Redirects are not followed.',
    examples: ['https://models.example.com/predict'],
  }),
  // A Lambda function runs at most 15 minutes, and must publish the result, too.
  timeout: duration({ min: '1s', max: '14m', example: '60s', description: 'The longest time of one call.' }).prefault(
    '60s',
  ),
  headers: z
    .record(HeaderName, HeaderValue, 'must be a mapping of header names to values')
    .prefault({})
    .meta({
      description:
        'Headers of each call. They can be read in the code of the deployed function, so use `auth` for a secret.',
      examples: [{ 'X-Team': 'search' }],
    }),
  auth: Auth.optional().meta({ description: 'How a call authenticates itself.' }),
})

const Calls = wholeNumber(1, MAX_CONCURRENCY).superRefine((calls, context) => {
  if (splitConcurrency(calls)) return
  const message = `can't be shared evenly by the workers; the nearest that can is ${nearestConcurrency(calls)}`
  context.addIssue({ code: 'custom', message })
})

const Concurrency = z
  .union([
    Calls.transform(calls => ({ high: calls, normal: calls })),
    section({
      high: Calls.prefault(10).meta({ description: 'Simultaneous calls for priority high.' }),
      normal: Calls.prefault(10).meta({ description: 'Simultaneous calls for priority normal.' }),
    }),
  ])
  .prefault(10)
  .meta({
    description:
      'Simultaneous calls per priority: one number for both priorities, or one per priority. One worker makes several of these calls, so the number is reached only while requests wait. With 1, calls are made strictly one after the other.',
    examples: [10, { high: 20, normal: 5 }],
  })

const Batch = section({
  // One worker claims every request of the batch before the call and publishes every result after it. It has half a minute for that.
  count: wholeNumber(2, 1_000).meta({ description: 'The most requests in one call.', examples: [10] }),
  // It becomes the window of the event source mapping, which has whole seconds and at most 5 minutes.
  period: wholeSeconds({
    min: '1s',
    max: '5m',
    example: '1s',
    description: 'How long a batch waits for more requests, in whole seconds.',
  }),
  url: Url.optional().meta({
    description: 'The address for batches. The default is `endpoint.url`, and the same rules apply.',
    examples: ['https://models.example.com/batch_predict'],
  }),
  outputs: Mapping.optional().meta({
    description:
      'Finds the elements in the answer to a batch, one per request. The default is its field `outputs`. If each element has an `index`, they are put into this order.',
    examples: ['data'],
  }),
})

const RateLimit = section({
  count: wholeNumber(1, 1_000_000).meta({
    description: 'The most calls of the endpoint in an interval, by all workers together.',
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

const SEEN = '`{ status, headers, body }` of any answer, also of one with status 200, and in a batch of each element'

const Retry = section({
  attempts: wholeNumber(1, 100).prefault(5).meta({
    description:
      'The most calls for one request, including the first. If a whole batch fails, a few more may be needed to find the request that causes it.',
  }),
  // SQS can delay a message by 15 minutes at most.
  period: duration({
    min: '100ms',
    max: '15m',
    example: '1s',
    description:
      'The shortest wait. The wait after attempt n is random between `period` and `period` × 2ⁿ, at most `max_backoff`, and rounded up to ' +
      'whole seconds.',
  }).prefault('1s'),
  max_backoff: duration({ min: '100ms', max: '15m', example: '30s', description: 'The longest wait.' }).prefault('30s'),
  backoff_on: statuses(
    [429, 503],
    'Statuses after which the request is tried again. So are 408, 409, 425, 429 and every 5xx, unless `drop_on` names them.',
  ),
  drop_on: statuses(
    [400, 404],
    'Statuses after which the request fails at once. So do other 4xx, unless `backoff_on` names them. A 401 halts the model if `auth` has a `secret`.',
  ),
  halt_when: Mapping.optional().meta({
    description: `A condition over ${SEEN}. If it is true, the model is not called until a probe succeeds or an operator resets it. No request is to blame, so none spends an attempt. It is evaluated first, then \`drop_when\`, then \`backoff_when\`. The first that is true decides, before any status.`,
    examples: ['body.error.code = "insufficient_quota"'],
  }),
  drop_when: Mapping.optional().meta({
    description: `A condition over ${SEEN}. If it is true, the request fails at once.`,
    examples: ['status = 500 and $contains(body.error.message, "Context size has been exceeded")'],
  }),
  backoff_when: Mapping.optional().meta({
    description: `A condition over ${SEEN}. If it is true, the request is tried again.`,
    examples: ['$exists(body.error) or body.choices = []'],
  }),
})

/**
 * The most failures that open a circuit. This number makes the model's state two kilobytes larger, so each call that a
 * rate limit counts needs two more write units.
 */
const MAX_FAILURES = 100

const Circuit = section({
  failures: wholeNumber(1, MAX_FAILURES).prefault(5).meta({
    description:
      'Failed calls that open the circuit. A call counts if `retry` would make it again. A 429 with Retry-After does not count: it pauses the model.',
  }),
  within: duration({
    min: '1s',
    max: '1h',
    example: '60s',
    description: 'The time in which failed calls are counted.',
  }).prefault('60s'),
  open: duration({
    min: '1s',
    max: '1h',
    example: '30s',
    description:
      'How long no call is made before one call, the probe, is tried. After each failed probe the wait grows by one `open` (30 s, 60 s, 90 s …), ' +
      'to at most eight times `open` and at most 15 minutes (or to `open` itself, if that is longer).',
  }).prefault('30s'),
})

const Dollars = z
  .number('must be a number of US dollars, such as 0.15')
  .min(0, { error: 'must be at least 0', abort: true })
  .max(1_000_000, 'must be at most 1,000,000')

const Price = section({
  input: Dollars.meta({ description: 'US dollars per million tokens of the prompt.', examples: [0.15] }),
  output: Dollars.meta({
    description:
      'US dollars per million tokens of the answer. Tokens of which the model does not say what they were have the higher price of the two.',
    examples: [0.6],
  }),
})

/** One model: its endpoint, its mappings and its protection. */
export const Model = section({
  provider: oneOf(...PROVIDERS)
    .optional()
    .meta({
      description:
        'The kind of the endpoint. It gives `request`, `response`, `estimate`, the path of `endpoint.url`, how `auth` sends its secret, and what ' +
        'answers mean (`retry`). Keys that are given win. [providers.md](providers.md) has all of it.',
      examples: ['openai'],
    }),
  model: text(/^[\x21-\x7e]{1,512}$/, 'the name of the model at its endpoint, without spaces')
    .optional()
    .meta({
      description:
        "The name by which the endpoint knows the model, for `provider`. The default is the model's name in this file.",
      examples: ['gpt-5-mini'],
    }),
  endpoint: Endpoint.meta({ description: 'The HTTP endpoint that runs the model.' }),
  estimate: Mapping.optional().meta({
    description:
      "Gives the tokens to reserve for a request, from the request's fields, `user_id` and `plan`. Nothing or `null` means the usual estimate. A " +
      'request for which it gives no number of at least 0 is refused. The usual estimate is twice the tokens of the prompt, or the tokens of the ' +
      'prompt and the bound of the output.',
    examples: ['$ceil($bytes(prompt) / 3) + 1000 * $count(images)'],
  }),
  request: Mapping.meta({
    description:
      "Makes the body of a call from the request's fields, `user_id`, `request_id` and `attempt`. It may be left out with `provider`.",
    examples: ['{ "model_input": prompt, "parameters": parameters }'],
  }),
  response: Mapping.meta({
    description:
      'Makes `result` and `usage` from the body of the answer. It may be left out with `provider`. Without `usage`, the estimate is charged; if the request has `max_tokens` and the result is larger than that, its size is charged.',
    examples: ['{ "result": result, "usage": usage }'],
  }),
  concurrency: Concurrency,
  batch: Batch.optional().meta({
    description:
      'Puts several requests into one call. Its body is `{ "inputs": [ … ] }`, and its answer is `{ "outputs": [ … ] }` in the same order, unless `outputs` says where its elements are.',
  }),
  rate_limit: RateLimit.optional().meta({ description: 'Limits how often the endpoint is called.' }),
  price: Price.optional().meta({
    description:
      'What the tokens of the model cost. It gives `cost` in `charged`, in Postgres and in `sluice quota show`. Without it, there is no cost.',
    examples: [{ input: 0.15, output: 0.6 }],
  }),
  retry: Retry.prefault({}).meta({
    description: 'What happens after a failed call. These defaults are used if it is left out.',
  }),
  circuit: Circuit.optional().meta({
    description: 'A circuit breaker: it stops calls of an endpoint that fails. Without this key there is none.',
  }),
})
export type Model = z.infer<typeof Model>
