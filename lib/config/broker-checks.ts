import { MOST_MESSAGES_OF_BROKER } from './executions.ts'
import type { Finding, Path } from './finding.ts'
import type { Model } from './model-schema.ts'
import { type RabbitMq, rabbitMqOf } from './queue-schema.ts'
import { otherReceivers } from './receivers.ts'
import type { Pipeline } from './schema.ts'

/** Finds contradictions between a broker and the rest of a pipeline. */
export function checkBroker(pipeline: Pipeline): Finding[] {
  const broker = rabbitMqOf(pipeline.queue)
  if (broker === undefined) return []
  const models = Object.entries(pipeline.models)
  return [...checkEgress(pipeline, broker), ...models.flatMap(([name, model]) => checkConcurrency(name, model, broker))]
}

/** Each subnet has an availability zone, and the nodes of a cluster are in different ones. */
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

const EGRESS: Path = ['queue', 'rabbitmq', 'egress']

function checkEgress({ network, models, observability }: Pipeline, { egress }: RabbitMq): Finding[] {
  if (egress !== undefined && network !== undefined) {
    const message =
      'must not be there beside network: the routes of that VPC decide how functions reach AWS and the models'
    return [{ path: EGRESS, message, atKey: true }]
  }
  if (egress !== 'endpoints') return []
  const receivers = otherReceivers(observability).map(({ path }) => ({
    path: ['observability', ...path],
    message: `can't be reached with queue.rabbitmq.egress: endpoints, which has no way to the internet; ${path[0] === 'tracing' ? 'it must be xray' : 'it must be left out'}, or egress must be nat`,
  }))
  const unreachable = Object.entries(models)
    .filter(([, model]) => !isInAws(model))
    .map(([name]) => ({
      path: ['models', name, 'endpoint', 'url'],
      message:
        "can't be reached with queue.rabbitmq.egress: endpoints, which has no way to the internet; it must be Bedrock's or SageMaker's with auth: { sigv4: … }, or egress must be nat",
    }))
  return [...unreachable, ...receivers]
}

const isInAws = ({ endpoint: { auth } }: Model): boolean =>
  auth !== undefined && 'sigv4' in auth && (auth.sigv4 === 'bedrock' || auth.sigv4 === 'sagemaker')

// Each queue runs at least one call at a time. A lease keeps to one call where the concurrency is 1.
function checkConcurrency(name: string, { concurrency, batch }: Model, { consumers }: RabbitMq): Finding[] {
  if (batch) return []
  return (['high', 'normal'] as const)
    .filter(priority => concurrency[priority] > 1 && concurrency[priority] < consumers)
    .slice(0, 1)
    .map(() => ({
      path: ['models', name, 'concurrency'],
      message: `must be 1, or at least ${consumers}: with queue.rabbitmq.consumers, that many queues make a call at the same time`,
    }))
}

/** Warns of a concurrency that the queues of a broker can't give. */
export function warnOfBroker({ queue, models }: Pipeline): Finding[] {
  const broker = rabbitMqOf(queue)
  if (broker === undefined) return []
  const { consumers } = broker
  return Object.entries(models).flatMap(([name, { concurrency, batch }]): Finding[] => {
    const wanted = Math.max(concurrency.high, concurrency.normal)
    const most = consumers * (batch ? 1 : MOST_MESSAGES_OF_BROKER)
    if (wanted <= most) return []
    const needed = Math.ceil(wanted / (batch ? 1 : MOST_MESSAGES_OF_BROKER))
    const message = `is ${wanted}, but RabbitMQ gives ${most} simultaneous calls with queue.rabbitmq.consumers: ${consumers}; ${needed} consumers would give all`
    return [{ path: ['models', name, 'concurrency'], message }]
  })
}
