import { isPublic } from './addresses.ts'
import { MOST_MESSAGES_OF_BROKER } from './executions.ts'
import type { Finding, Path } from './finding.ts'
import type { Model } from './model-schema.ts'
import { type RabbitMq, rabbitMqOf } from './queue-schema.ts'
import { isXray, otherReceivers } from './receivers.ts'
import type { Pipeline } from './schema.ts'
import type { SourceDocument } from './source-document.ts'

type Observability = Pipeline['observability']

/** Finds contradictions between a broker and the rest of a pipeline. */
export function checkBroker(pipeline: Pipeline, source: SourceDocument): Finding[] {
  const broker = rabbitMqOf(pipeline.queue)
  if (broker === undefined) return checkBackend(pipeline, source)
  const models = Object.entries(pipeline.models)
  return [
    ...checkEgress(pipeline, broker),
    ...models.flatMap(([name, model]) => checkConcurrency(name, model, broker, source)),
  ]
}

// Checks that a file with a broker names the backend. A file may have a broker and name sqs, for example by a variable that
// changes the backend.
function checkBackend({ queue }: Pipeline, { isWritten }: SourceDocument): Finding[] {
  if (queue.rabbitmq === undefined || isWritten(['queue', 'backend'])) return []
  const message = 'needs queue.backend: rabbitmq, since the default of backend is sqs'
  return [{ path: ['queue', 'rabbitmq'], message, atKey: true }]
}

/**
 * Checks the availability zones of the subnets. The file must name one zone per subnet. The nodes of a cluster need
 * subnets in different zones.
 */
export function checkNetwork({ network, queue }: Pipeline): Finding[] {
  if (network === undefined) return []
  const { availability_zones: zones, subnets } = network
  if (zones.length !== subnets.length) {
    const message = `must name ${subnets.length}: one for each of the subnets, in the same order`
    return [{ path: ['network', 'availability_zones'], message }]
  }
  if (rabbitMqOf(queue)?.deployment === 'cluster' && new Set(zones).size < zones.length) {
    const message = 'must be in different availability zones: the broker is a cluster, which takes one subnet per zone'
    return [{ path: ['network', 'subnets'], message }]
  }
  return []
}

/** Checks that managed instances have a network, and a backend whose messages Lambda hands over to them. */
export function checkManagedInstances({ managed_instances, network, queue }: Pipeline): Finding[] {
  if (managed_instances === undefined) return []
  const path = ['managed_instances']
  if (rabbitMqOf(queue) !== undefined) {
    const message =
      'must not be there with queue.backend: rabbitmq: Lambda gives managed instances no messages of a broker'
    return [{ path, message, atKey: true }]
  }
  if (network !== undefined) return []
  return [{ path, message: 'needs network: the VPC and the subnets in which the instances run', atKey: true }]
}

const EGRESS: Path = ['queue', 'rabbitmq', 'egress']

function checkEgress({ network, models, observability }: Pipeline, { egress }: RabbitMq): Finding[] {
  if (egress !== undefined && network !== undefined) {
    const message =
      'must not be there beside network: the routes of that VPC decide how functions reach AWS and the models'
    return [{ path: EGRESS, message, atKey: true }]
  }
  if (egress !== 'endpoints') return []
  const unreachable = Object.entries(models)
    .filter(([, model]) => !isInAws(model))
    .map(([name]) => ({
      path: ['models', name, 'endpoint', 'url'],
      message:
        "can't be reached with queue.rabbitmq.egress: endpoints, which has no way to the internet; it must be Bedrock's or SageMaker's with auth: { sigv4: … }, or egress must be nat",
    }))
  return [...unreachable, ...checkReceivers(observability)]
}

/**
 * Finds receivers of traces and metrics that are on the internet. Functions without a way to the internet can't reach
 * them. A receiver inside the VPC is allowed.
 */
function checkReceivers(observability: Observability): Finding[] {
  const { tracing } = observability
  const elsewhere = otherReceivers(observability)
    .filter(({ url }) => isPublic(url) === true)
    .map(({ path }) => ({
      path: ['observability', ...path],
      message: `can't be reached with queue.rabbitmq.egress: endpoints, which has no way to the internet; it must be an address inside the VPC${path[0] === 'tracing' ? ' or xray' : ''}, or egress must be nat`,
    }))
  if (tracing === false || tracing.endpoint === 'xray' || !isXray(tracing.endpoint)) return elsewhere
  const message =
    'must be xray: with queue.rabbitmq.egress: endpoints, functions reach X-Ray in the region of the stack alone'
  return [...elsewhere, { path: ['observability', 'tracing', 'endpoint'], message }]
}

/**
 * Warns of receivers whose names don't show whether they are inside the VPC, if functions can reach nothing outside of
 * the VPC.
 */
function warnOfReceivers({ network, observability }: Pipeline, { egress }: RabbitMq): Finding[] {
  if (egress !== 'endpoints' || network !== undefined) return []
  return otherReceivers(observability)
    .filter(({ url }) => isPublic(url) === undefined)
    .map(({ path }) => ({
      path: ['observability', ...path],
      message:
        'must be a name of an address inside the VPC: queue.rabbitmq.egress: endpoints has no way to the internet, so nothing else can be reached',
    }))
}

const isInAws = ({ endpoint: { auth } }: Model): boolean =>
  auth !== undefined && 'sigv4' in auth && (auth.sigv4 === 'bedrock' || auth.sigv4 === 'sagemaker')

// Each queue of a priority makes at least one call at a time. So a concurrency below the number of queues (`consumers`)
// can't be kept. A concurrency of 1 is allowed, because a lease then makes sure that there is only one call at a time.
function checkConcurrency(
  name: string,
  { concurrency, batch }: Model,
  { consumers }: RabbitMq,
  { isWritten }: SourceDocument,
): Finding[] {
  if (batch) return []
  const path = ['models', name, 'concurrency']
  return (['high', 'normal'] as const)
    .filter(priority => concurrency[priority] > 1 && concurrency[priority] < consumers)
    .slice(0, 1)
    .map(priority => ({
      path,
      message: `must be 1, or at least ${consumers}, and is ${concurrency[priority]}${isWritten(path) ? '' : ' by default'} for ${priority} requests: with queue.rabbitmq.consumers, that many queues make a call at the same time`,
    }))
}

/** Warns if a model can't get its `concurrency` with this broker, or if functions may not reach a receiver. */
export function warnOfBroker(pipeline: Pipeline): Finding[] {
  const broker = rabbitMqOf(pipeline.queue)
  if (broker === undefined) return []
  return [...warnOfConcurrency(pipeline, broker), ...warnOfReceivers(pipeline, broker)]
}

function warnOfConcurrency({ models }: Pipeline, { consumers }: RabbitMq): Finding[] {
  return Object.entries(models).flatMap(([name, { concurrency, batch }]): Finding[] => {
    const wanted = Math.max(concurrency.high, concurrency.normal)
    const most = consumers * (batch ? 1 : MOST_MESSAGES_OF_BROKER)
    if (wanted <= most) return []
    const needed = Math.ceil(wanted / (batch ? 1 : MOST_MESSAGES_OF_BROKER))
    const message = `is ${wanted}, but RabbitMQ gives ${most} simultaneous calls with queue.rabbitmq.consumers: ${consumers}; ${needed} consumers would give all`
    return [{ path: ['models', name, 'concurrency'], message }]
  })
}
