import type { Finding } from './finding.ts'
import type { Model } from './model-schema.ts'
import type { Pipeline, Plan } from './schema.ts'
import { suggest } from './suggest.ts'

/** What is wrong between the parts of a pipeline whose values are right each for itself. */
export function crossCheck(pipeline: Pipeline): Finding[] {
  return [
    ...checkInputs(pipeline),
    ...checkDefaultPlan(pipeline),
    ...checkRoutes(pipeline),
    ...Object.entries(pipeline.quotas.plans).flatMap(([name, plan]) => checkPlan(name, plan)),
    ...Object.entries(pipeline.models).flatMap(([name, model]) => [
      ...checkHeaders(name, model),
      ...checkRetry(name, model),
    ]),
  ]
}

// Queues of an account share one space of names, and an input's is not prefixed: other systems send to it.
function checkInputs({ name, inputs = [] }: Pipeline): Finding[] {
  const seen = new Set<string>()
  return inputs.flatMap(({ queue }, index): Finding[] => {
    const path = ['inputs', index, 'queue']
    const isRepeated = seen.has(queue)
    seen.add(queue)
    if (isRepeated) return [{ path, message: `must not be "${queue}" again: another input has this name` }]
    if (queue.endsWith('-dlq'))
      return [{ path, message: 'must not end in -dlq, as the dead-letter queues do that the stack makes' }]
    if (queue === `${name}-results` || queue.startsWith(`${name}-inference-`)) {
      const own = `${name}-results and ${name}-inference-… are its own queues`
      return [{ path, message: `must not be a name of the stack's: ${own}` }]
    }
    return []
  })
}

function checkDefaultPlan({ quotas }: Pipeline): Finding[] {
  if (Object.hasOwn(quotas.plans, quotas.default_plan)) return []
  return [
    { path: ['quotas', 'default_plan'], message: mustName('plan', quotas.default_plan, Object.keys(quotas.plans)) },
  ]
}

function checkRoutes({ routing, models }: Pipeline): Finding[] {
  const last = routing.length - 1
  return routing.flatMap((route, index): Finding[] => {
    const findings: Finding[] = []
    if (!Object.hasOwn(models, route.model)) {
      findings.push({ path: ['routing', index, 'model'], message: mustName('model', route.model, Object.keys(models)) })
    }
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
  return (['requests', 'tokens', 'in_flight'] as const)
    .filter(limit => plan[limit] < plan.shards)
    .map(limit => ({
      path: ['quotas', 'plans', name, limit],
      message: `must be at least ${plan.shards}: the plan has ${plan.shards} shards, and each needs a part of it`,
    }))
}

// HTTP takes the case of a header's name as equal, so two spellings would be two values of one header.
function checkHeaders(name: string, { endpoint }: Model): Finding[] {
  const authHeader = endpoint.auth?.header.toLowerCase()
  const seen = new Set<string>()
  return Object.keys(endpoint.headers).flatMap((header): Finding[] => {
    const lower = header.toLowerCase()
    const at = { path: ['models', name, 'endpoint', 'headers', header], atKey: true }
    if (lower === authHeader) return [{ ...at, message: 'must not be there: auth sets this header' }]
    if (seen.has(lower))
      return [{ ...at, message: 'must not be there: the header is there already, in another spelling' }]
    seen.add(lower)
    return []
  })
}

function checkRetry(name: string, { retry }: Model): Finding[] {
  if (retry === undefined) return []
  const findings: Finding[] = []
  if (retry.max_backoff < retry.period) {
    findings.push({ path: ['models', name, 'retry', 'max_backoff'], message: 'must not be shorter than period' })
  }
  const both = retry.drop_on.filter(status => retry.backoff_on.includes(status))
  if (both.length > 0) {
    findings.push({
      path: ['models', name, 'retry', 'drop_on'],
      message: `must not name ${both.join(', ')}, as backoff_on does`,
    })
  }
  return findings
}

function mustName(what: 'model' | 'plan', given: string, known: string[]): string {
  const meant = suggest(given, known)
  const hint = meant === undefined ? `those are ${known.join(', ')}` : `did you mean "${meant}"?`
  return `must name one of the ${what}s, not "${given}"; ${hint}`
}
