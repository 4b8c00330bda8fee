import * as z from 'zod'
import { MAX_CONCURRENCY, nearestConcurrency, splitConcurrency } from './concurrency.ts'
import { duration, Mapping, oneOf, section, text, Url, wholeNumber, wholeSeconds } from './fields.ts'
import { PROVIDERS } from './providers/index.ts'

// The HTTP client sets these headers, or they are about the connection. So the schema refuses them: with another value,
// such as a wrong Content-Length, each call would fail.
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
      'The name of the secret in AWS Secrets Manager. `npm start` reads an environment variable instead. Its name is the name of the ' +
      'secret in capitals, with _ in place of each character that is not a letter or a digit: `PROD_TEXT_MODEL` for prod/text-model.',
    examples: ['OPENAI_API_KEY'],
  }),
  field: text(/^[^\p{Cc}]{1,128}$/u, 'the name of a field of the secret, such as apiKey')
    .optional()
    .meta({
      description:
        'The field of the secret that the header carries, if the secret is a JSON object such as `{ "apiKey": "…" }`. Without this key, the header carries the whole secret. If the model answers 401, the worker reads the secret again. If the secret has changed, the worker repeats the call once.',
      examples: ['apiKey'],
    }),
}).meta({ title: 'with a secret' })

// Some services have one name in hosts and SDKs, and another name in signatures. With the wrong name, AWS would only
// answer 403. So the schema refuses the wrong name, and its message gives the right one.
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
        'The AWS service that calls are signed for: sagemaker, bedrock, execute-api or lambda. The signature (Signature Version 4) uses the credentials of the worker. docs/recipes.md lists the permissions that the worker gets, and the permissions that you have to grant.',
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
  // A Lambda function runs for at most 15 minutes. Part of this time is needed to publish the result after the call.
  timeout: duration({ min: '1s', max: '14m', example: '60s', description: 'The longest time of one call.' }).prefault(
    '60s',
  ),
  headers: z
    .record(HeaderName, HeaderValue, 'must be a mapping of header names to values')
    .prefault({})
    .meta({
      description:
        'Headers of each call. Their values can be read in the code of the deployed function, so use `auth` for a secret.',
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
      'Simultaneous calls per priority: one number for both priorities, or one per priority. One invocation of the worker makes several of these calls, so the number is reached only if enough requests wait. With 1, calls are made strictly one after the other.',
    examples: [10, { high: 20, normal: 5 }],
  })

const Batch = section({
  // One invocation of the worker claims all requests of the batch before the call, and publishes all results after the
  // call. The invocation has half a minute for this work, which limits the number of requests.
  count: wholeNumber(2, 1_000).meta({ description: 'The most requests in one call.', examples: [10] }),
  // The period becomes the batching window of the event source mapping. AWS accepts whole seconds, and at most 5 minutes.
  period: wholeSeconds({
    min: '1s',
    max: '5m',
    example: '1s',
    description: 'The time for which a batch waits for more requests, in whole seconds.',
  }),
  url: Url.optional().meta({
    description: 'The address for batches. The default is `endpoint.url`, and the same rules apply.',
    examples: ['https://models.example.com/batch_predict'],
  }),
  outputs: Mapping.optional().meta({
    description:
      'Finds the elements in the answer to a batch, one per request. The default is the field `outputs` of the answer. If each element has an `index`, the elements are sorted by `index`.',
    examples: ['data'],
  }),
})

const RateLimit = section({
  count: wholeNumber(1, 1_000_000).meta({
    description: 'The most calls to the endpoint in an interval, counted over all workers.',
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

const SEEN =
  '`{ status, headers, body }` of every answer, including answers with status 200. In a batch, it is evaluated for each element'

const Retry = section({
  attempts: wholeNumber(1, 100).prefault(5).meta({
    description:
      'After a failed call, a request gets another call only if it has had fewer calls than this. A call that a crash or a stop has interrupted counts, too, but it is repeated in any case, so such a request may get more calls. If a whole batch fails, a few more calls may be needed to find the request that causes the failure.',
  }),
  // SQS can delay a message by at most 15 minutes, so no wait can be longer.
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
    'Statuses after which the request is tried again. The request is also tried again after 408, 409, 425, 429 and every 5xx, unless `drop_on` names them.',
  ),
  drop_on: statuses(
    [400, 404],
    'Statuses after which the request fails at once. The request also fails at once after other 4xx, unless `backoff_on` names them. A 401 halts the model if `auth` has a `secret`.',
  ),
  halt_when: Mapping.optional().meta({
    description: `A condition over ${SEEN}. If it is true, the model is not called until a probe succeeds or an operator resets the model. The requests are not the cause, so the call does not count as an attempt. \`halt_when\` is evaluated first, then \`drop_when\`, then \`backoff_when\`. The first condition that is true decides, before any status.`,
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
      'The number of failed calls that opens the circuit. A failed call counts if `retry` would repeat it. A 429 with Retry-After does not count: it pauses the model.',
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
      'The time without calls before one call, the probe, is made. After each failed probe the wait grows by one `open` (30 s, 60 s, 90 s …), ' +
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
      'US dollars per million tokens of the answer. If the model does not say whether tokens are input or output, the higher price of the two counts.',
    examples: [0.6],
  }),
})

/** One model: its endpoint, its mappings and its protection. */
export const Model = section({
  provider: oneOf(...PROVIDERS)
    .optional()
    .meta({
      description:
        'The kind of the endpoint. Each provider has its own `request`, `response`, `estimate`, path of `endpoint.url`, header for the secret of `auth`, ' +
        'and rules for answers (`retry`). A key in this file replaces the same key of the provider. [providers.md](providers.md) describes each provider.',
      examples: ['openai'],
    }),
  model: text(/^[\x21-\x7e]{1,512}$/, 'the name of the model at its endpoint, without spaces')
    .optional()
    .meta({
      description:
        "The name of the model at the endpoint. It is used with `provider`. The default is the model's name in this file.",
      examples: ['gpt-5-mini'],
    }),
  endpoint: Endpoint.meta({ description: 'The HTTP endpoint that runs the model.' }),
  estimate: Mapping.optional().meta({
    description:
      "Gives the tokens to reserve for a request, from the request's fields, `user_id` and `plan`. If it gives nothing or `null`, the usual " +
      'estimate counts. If it gives any other value than a number of at least 0, the request is refused. The usual estimate is twice the tokens of the ' +
      'prompt, or, if the request limits its output, the tokens of the prompt and that limit.',
    examples: ['$ceil($bytes(prompt) / 3) + 1000 * $count(images)'],
  }),
  request: Mapping.meta({
    description:
      "Makes the body of a call from the request's fields, `user_id`, `request_id` and `attempt`. It may be left out with `provider`.",
    examples: ['{ "model_input": prompt, "parameters": parameters }'],
  }),
  response: Mapping.meta({
    description:
      'Makes `result` and `usage` from the body of the answer. It may be left out with `provider`. If the mapping gives no `usage`, the estimate is charged. But if the request has `max_tokens`, and the result is larger than `max_tokens`, the size of the result is charged.',
    examples: ['{ "result": result, "usage": usage }'],
  }),
  concurrency: Concurrency,
  batch: Batch.optional().meta({
    description:
      'Puts several requests into one call. The body of this call is `{ "inputs": [ … ] }`, and its answer must be `{ "outputs": [ … ] }` in the same order. `outputs` can name another place for the elements of the answer.',
  }),
  rate_limit: RateLimit.optional().meta({ description: 'Limits the number of calls to the endpoint per interval.' }),
  price: Price.optional().meta({
    description:
      'The price of the tokens of the model. With it, Sluice computes `cost` in `charged`, in Postgres and in `sluice quota show`. Without it, there is no `cost`.',
    examples: [{ input: 0.15, output: 0.6 }],
  }),
  retry: Retry.prefault({}).meta({
    description: 'The rules for failed calls. Without this key, the defaults are used.',
  }),
  circuit: Circuit.optional().meta({
    description:
      'A circuit breaker, which stops the calls of an endpoint that fails. Without this key, the model has no circuit breaker.',
  }),
})
export type Model = z.infer<typeof Model>
