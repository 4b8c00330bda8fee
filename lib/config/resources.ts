import type { Model } from './model-schema.ts'
import { type Network, type Queue, rabbitMqOf } from './queue-schema.ts'
import { tracesToXray } from './receivers.ts'

/** The most resources that CloudFormation allows per stack. */
export const CLOUDFORMATION_TAKES = 500

/**
 * The most resources that a pipeline's stack may have. Four of CloudFormation's 500 are not used, because the CDK adds
 * policies if a stack has many models.
 */
export const MAX_RESOURCES = CLOUDFORMATION_TAKES - 4

/** The number of resources per part of the stack with SQS. A stack test compares their sum with the synthesized template. */
export const RESOURCES = { stack: 108, model: 14, circuit: 1, profile: 1, intake: 5, input: 8, retention: 9 }

/**
 * The number of resources per part of the stack with RabbitMQ. Its queues are no resources of CloudFormation, and have no
 * policies. A model then has two mappings per consumer and priority, and one more alarm.
 */
const WITH_RABBITMQ = { stack: 102, model: 9, mappings: 4, input: 4 }

/**
 * The number of resources of a broker: the broker, its password, its configuration, its four alarms, the function that
 * declares queues with its alarm, and the rules within its security group.
 */
const BROKER = 16
/**
 * The number of rules between the broker and a security group of functions: `own` for a group that the stack creates,
 * `given` for a group that pipeline.yaml names.
 */
const BROKER_PER_GROUP = { own: 2, given: 1 }

/**
 * The number of resources of a network: the policy for functions in a VPC, the two security groups of functions, a VPC
 * with its way out (`nat` or `endpoints`), and an endpoint for one further service of AWS that is called, such as
 * Bedrock.
 */
const NETWORK = { access: 1, groups: 2, nat: 27, endpoints: 21, further_endpoint: 1 }

/** The number of resources of managed instances: the capacity provider, its role and its log group. */
const MANAGED_INSTANCES = 3

/** The number of resources for traces in X-Ray: the policy with which functions send them. */
const TO_XRAY = 1

/** The parts of a pipeline that decide how many resources its stack has. */
interface Counted {
  readonly models: Readonly<Record<string, Model>>
  readonly inputs?: readonly unknown[] | undefined
  readonly observability: {
    readonly retention: { readonly ledger?: unknown }
    readonly tracing: false | { readonly endpoint: string }
  }
  readonly queue?: Queue
  readonly network?: Network | undefined
  readonly managed_instances?: unknown
}

/** Returns the number of resources per part of a pipeline's stack. */
export function resourcesOf({ queue, network, models, observability }: Counted): typeof RESOURCES {
  const broker = queue && rabbitMqOf(queue)
  if (broker === undefined) return { ...RESOURCES, stack: RESOURCES.stack + ofNetwork(network) }
  const { stack, model, mappings, input } = WITH_RABBITMQ
  const groups = network?.security_groups
  const rules = groups ? groups.length * BROKER_PER_GROUP.given : NETWORK.groups * BROKER_PER_GROUP.own
  const ofVpc = network ? ofNetwork(network) : ofOwnVpc(broker.egress ?? 'nat', models, tracesToXray(observability))
  return { ...RESOURCES, stack: stack + BROKER + rules + ofVpc, model: model + mappings * broker.consumers, input }
}

/** Counts the resources of a pipeline's stack. It counts one further resource for each Bedrock URL, because the URL may name an inference profile. */
export function countResources(pipeline: Counted): number {
  const { models, inputs = [], observability } = pipeline
  const resources = resourcesOf(pipeline)
  const ofModels = Object.values(models).reduce((sum, model) => sum + ofModel(model, resources), 0)
  const ofInputs = inputs.length === 0 ? 0 : resources.intake + resources.input * inputs.length
  const ofRetention = observability.retention.ledger === undefined ? 0 : resources.retention
  const ofTraces = tracesToXray(observability) ? TO_XRAY : 0
  const ofInstances = pipeline.managed_instances === undefined ? 0 : MANAGED_INSTANCES
  return resources.stack + ofModels + ofInputs + ofRetention + ofTraces + ofInstances
}

function ofModel({ circuit, endpoint: { auth }, batch }: Model, resources: typeof RESOURCES): number {
  const isBedrock = auth !== undefined && 'sigv4' in auth && auth.sigv4 === 'bedrock'
  const urls = batch?.url === undefined ? 1 : 2
  return resources.model + (circuit ? resources.circuit : 0) + (isBedrock ? urls * resources.profile : 0)
}

function ofNetwork(network: Network | undefined): number {
  if (network === undefined) return 0
  return NETWORK.access + (network.security_groups ? 0 : NETWORK.groups)
}

function ofOwnVpc(egress: 'nat' | 'endpoints', models: Counted['models'], xray: boolean): number {
  const services = new Set(
    Object.values(models).flatMap(({ endpoint: { auth } }) => (auth && 'sigv4' in auth ? [auth.sigv4] : [])),
  )
  const further = ['bedrock', 'sagemaker'].filter(service => services.has(service)).length + (xray ? 1 : 0)
  const ofVpc = egress === 'nat' ? NETWORK.nat : NETWORK.endpoints + NETWORK.further_endpoint * further
  return NETWORK.access + NETWORK.groups + ofVpc
}
