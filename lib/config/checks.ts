import { isLoopback } from './addresses.ts'
import { checkBroker, checkManagedInstances, checkNetwork } from './broker-checks.ts'
import { MAX_INVOCATIONS } from './concurrency.ts'
import { API_ROOM, executionsOf } from './executions.ts'
import type { Finding, Path } from './finding.ts'
import type { Model } from './model-schema.ts'
import { isOfOperation } from './providers/endpoint-url.ts'
import { PROFILES } from './providers/index.ts'
import { CLOUDFORMATION_TAKES, countResources, MAX_RESOURCES, resourcesOf } from './resources.ts'
import type { Pipeline, Plan } from './schema.ts'
import type { SourceDocument } from './source-document.ts'
import { suggest } from './suggest.ts'

/** Finds contradictions between parts of a pipeline. Each single value was checked before. */
export function crossCheck(pipeline: Pipeline, source: SourceDocument): Finding[] {
  return [
    ...checkResources(pipeline),
    ...checkInputs(pipeline, source),
    ...checkRetention(pipeline),
    ...checkDefaultPlan(pipeline, source),
    ...checkExecutions(pipeline),
    ...checkReserved(pipeline),
    ...checkBroker(pipeline, source),
    ...checkNetwork(pipeline),
    ...checkManagedInstances(pipeline),
    ...checkRoutes(pipeline, source),
    ...Object.entries(pipeline.quotas.plans).flatMap(([name, plan]) => [
      ...checkPlan(name, plan),
      ...checkPlanModels(name, plan, Object.keys(pipeline.models), source),
    ]),
    ...Object.entries(pipeline.models).flatMap(([name, model]) => [
      ...checkProvider(name, model),
      ...checkHeaders(name, model),
      ...checkAuth(name, model),
      ...checkRetry(name, model, source),
      ...checkBatch(name, model),
    ]),
  ]
}

function checkResources(pipeline: Pipeline): Finding[] {
  const count = countResources(pipeline)
  if (count <= MAX_RESOURCES) return []
  const { model, circuit, input } = resourcesOf(pipeline)
  const message =
    `must be fewer: the stack would have ${count} resources, and ${MAX_RESOURCES} fit CloudFormation's ${CLOUDFORMATION_TAKES} ` +
    `(a model is ${model}, with circuit ${model + circuit}, an input ${input})`
  return [{ path: ['models'], message, atKey: true }]
}

// All queues of an account and region share one set of names. The name of an input has no prefix, because other systems
// send to this queue. So the name must not be equal to the name of another queue.
function checkInputs({ name, inputs = [] }: Pipeline, { writtenAs }: SourceDocument): Finding[] {
  const seen = new Set<string>()
  return inputs.flatMap(({ queue }, index): Finding[] => {
    const path = ['inputs', index, 'queue']
    const isRepeated = seen.has(queue)
    seen.add(queue)
    if (isRepeated)
      return [{ path, message: `must not be ${writtenAs(path) ?? `"${queue}"`} again: another input has this name` }]
    if (queue.endsWith('-dlq'))
      return [{ path, message: 'must not end in -dlq, since the dead-letter queues of the stack do' }]
    if (queue === `${name}-results` || queue.startsWith(`${name}-inference-`)) {
      const own = `${name}-results and ${name}-inference-… are its own queues`
      return [{ path, message: `must not be a name that the stack uses: ${own}` }]
    }
    return []
  })
}

// Checks that the bucket keeps bodies and results long enough. A worker may read a body until its request expires. After
// that, the collector may read the result as long as a queue keeps the event.
function checkRetention({ queue, observability: { retention } }: Pipeline): Finding[] {
  const least = Math.ceil((queue.expire_after + MESSAGE_RETENTION_MS) / DAY_MS)
  if (retention.payloads >= least * DAY_MS) return []
  const message = `must be at least ${least}d: payloads must outlive queue.expire_after and the 14 days that a queue keeps a message`
  return [{ path: ['observability', 'retention', 'payloads'], message }]
}

const DAY_MS = 86_400_000
/** How long the queues of the stack keep messages, in milliseconds. It is the longest time that SQS allows. */
const MESSAGE_RETENTION_MS = 14 * DAY_MS

function checkDefaultPlan({ quotas }: Pipeline, source: SourceDocument): Finding[] {
  return checkName('plan', ['quotas', 'default_plan'], quotas.default_plan, Object.keys(quotas.plans), source)
}

/**
 * Checks that `account_concurrency` is enough for the API, if each queue with a consumer takes its smallest number of
 * executions.
 */
function checkExecutions(pipeline: Pipeline): Finding[] {
  const { account_concurrency } = pipeline
  const { queues, least } = executionsOf(pipeline)
  if (account_concurrency === undefined || account_concurrency >= least + API_ROOM) return []
  const each = least === queues ? 'one execution' : 'at least 2 executions'
  const message =
    `must be at least ${least + API_ROOM}: the ${queues} queues with a consumer take ${each} each, and the API needs ${API_ROOM}; ` +
    'ask AWS for more, or have fewer models and inputs'
  return [{ path: ['account_concurrency'], message }]
}

/**
 * Checks that waiting calls alone can't use up a function's reserved concurrency. The check counts all waits of the
 * pipeline, because all of them may be in one function.
 */
function checkReserved({ waiting, reserved_concurrency }: Pipeline): Finding[] {
  return (['gateway', 'reader'] as const)
    .filter(name => (reserved_concurrency[name] ?? Number.POSITIVE_INFINITY) <= waiting.total)
    .map(name => ({
      path: ['reserved_concurrency', name],
      message: `must be more than waiting.total (${waiting.total}): waits would use up all of it`,
    }))
}

function checkRoutes({ routing, models }: Pipeline, source: SourceDocument): Finding[] {
  const last = routing.length - 1
  return routing.flatMap((route, index): Finding[] => {
    const findings = checkName('model', ['routing', index, 'model'], route.model, Object.keys(models), source)
    if (index === last && route.when !== undefined) {
      const message = 'must not be there: the last route is the default; add one without when, such as { model: text }'
      findings.push({ path: ['routing', index, 'when'], message, atKey: true })
    }
    if (index < last && route.when === undefined) {
      const message =
        'must have a when: only the last route is without one, and the routes after this are never reached'
      findings.push({ path: ['routing', index], message })
    }
    return findings
  })
}

function checkPlan(name: string, plan: Plan): Finding[] {
  return [...checkShares(name, plan), ...checkRate(name, plan)]
}

function checkRate(name: string, { rate, shards }: Plan): Finding[] {
  if (rate.count >= shards) return []
  const message = `must allow at least ${shards} calls: the plan has ${shards} shards, and each needs a part of them`
  return [{ path: ['quotas', 'plans', name, 'rate'], message }]
}

function checkShares(name: string, plan: Plan): Finding[] {
  return (['requests', 'tokens', 'in_flight'] as const)
    .filter(limit => plan[limit] < plan.shards)
    .map(limit => ({
      path: ['quotas', 'plans', name, limit],
      message: `must be at least ${plan.shards}: the plan has ${plan.shards} shards, and each needs a part of it`,
    }))
}

function checkPlanModels(
  name: string,
  { models = [] }: Plan,
  known: readonly string[],
  source: SourceDocument,
): Finding[] {
  return models.flatMap((model, index) =>
    checkName('model', ['quotas', 'plans', name, 'models', index], model, known, source),
  )
}

// Checks that the URL has the model's name, if the path of the provider's operation contains this name. The name comes
// from `model`, or is in the URL already.
function checkProvider(name: string, { provider, endpoint }: Model): Finding[] {
  if (provider === undefined) return []
  const { path } = PROFILES[provider]
  if (!path.operation.includes('{model}') || isOfOperation(endpoint.url, path)) return []
  const full = path.operation.replace('{model}', 'NAME')
  return [
    { path: ['models', name, 'endpoint', 'url'], message: `must end in ${full}, or model must be there with the NAME` },
  ]
}

// Checks the headers of a call. No header may be given twice. HTTP ignores the case of a header's name, so two spellings
// mean the same header.
function checkHeaders(name: string, { endpoint }: Model): Finding[] {
  const ofAuth = authHeaders(endpoint.auth)
  const seen = new Set<string>()
  return Object.entries(endpoint.headers).flatMap(([header, value]): Finding[] => {
    const lower = header.toLowerCase()
    const path = ['models', name, 'endpoint', 'headers', header]
    const at = { path, atKey: true }
    if (ofAuth.includes(lower)) return [{ ...at, message: 'must not be there: auth sets this header' }]
    if (seen.has(lower))
      return [{ ...at, message: 'must not be there: the header is there already, in another spelling' }]
    seen.add(lower)
    // The signature covers UTF-8, but a header is sent as Latin-1. Only ASCII is the same in both.
    if (endpoint.auth && 'sigv4' in endpoint.auth && !/^[\t\x20-\x7e]*$/.test(value))
      return [{ path, message: 'must be ASCII text: sigv4 signs the headers' }]
    return []
  })
}

// Checks that calls with `auth` use https. Anybody between the worker and the model can read the headers of a call over
// http.
function checkAuth(name: string, { endpoint, batch }: Model): Finding[] {
  if (endpoint.auth === undefined) return []
  const urls: { path: Path; url: string | undefined }[] = [
    { path: ['models', name, 'endpoint', 'url'], url: endpoint.url },
    { path: ['models', name, 'batch', 'url'], url: batch?.url },
  ]
  return urls.flatMap(({ path, url }) => {
    if (url === undefined || url.startsWith('https:') || isLoopback(url)) return []
    return [{ path, message: 'must be an https URL, since auth is sent there; http is only for this machine itself' }]
  })
}

const authHeaders = (auth: Model['endpoint']['auth']): string[] => {
  if (auth === undefined) return []
  if ('sigv4' in auth) return ['authorization', 'date', 'x-amz-content-sha256', 'x-amz-date', 'x-amz-security-token']
  return [auth.header.toLowerCase()]
}

// Checks pairs of keys that contradict each other. Each finding is at a key that the file has. The message says if the
// value of the other key is a default.
function checkRetry(name: string, { retry }: Model, { isWritten }: SourceDocument): Finding[] {
  const pathOf = (key: keyof Model['retry']): Path => ['models', name, 'retry', key]
  const findings: Finding[] = []
  if (retry.max_backoff < retry.period) {
    const [key, other, longer] = isWritten(pathOf('max_backoff'))
      ? (['max_backoff', 'period', 'shorter'] as const)
      : (['period', 'max_backoff', 'longer'] as const)
    const preset = isWritten(pathOf(other)) ? '' : `, which is ${retry[other] / 1000}s by default; set ${other}, too`
    findings.push({ path: pathOf(key), message: `must not be ${longer} than ${other}${preset}` })
  }
  const both = retry.drop_on.filter(status => retry.backoff_on.includes(status))
  if (both.length > 0) {
    const [key, other] = isWritten(pathOf('drop_on'))
      ? (['drop_on', 'backoff_on'] as const)
      : (['backoff_on', 'drop_on'] as const)
    const rest = retry[other].filter(status => !both.includes(status))
    const naming = isWritten(pathOf(other))
      ? `as ${other} does`
      : `which ${other} names by default; set ${other}, too, such as ${other}: [${rest.join(', ')}]`
    findings.push({ path: pathOf(key), message: `must not name ${both.join(', ')}, ${naming}` })
  }
  return findings
}

// Checks the concurrency of a model with batches. With batches, each call is one invocation, and an event source mapping
// of SQS allows a thousand invocations at a time.
function checkBatch(name: string, { batch, concurrency }: Model): Finding[] {
  if (batch === undefined || Math.max(concurrency.high, concurrency.normal) <= MAX_INVOCATIONS) return []
  const message = `must be at most ${MAX_INVOCATIONS.toLocaleString('en-US')} with batch: each call is an invocation then`
  return [{ path: ['models', name, 'concurrency'], message }]
}

// Checks that a value is the name of a model or a plan. The message shows the text in the file, because the value of a
// variable may be a secret.
function checkName(
  what: 'model' | 'plan',
  path: Path,
  given: string,
  known: readonly string[],
  { writtenAs }: SourceDocument,
): Finding[] {
  if (known.includes(given)) return []
  const written = writtenAs(path)
  const wrong = written === undefined ? `not "${given}"` : `and the value of ${written} is none of them`
  const meant = suggest(given, known)
  const hint = meant === undefined ? `those are ${known.join(', ')}` : `did you mean "${meant}"?`
  return [{ path, message: `must name one of the ${what}s, ${wrong}; ${hint}` }]
}
