import * as z from 'zod'
import type { Priority } from '../../functions/core/domain/ids.ts'
import { bulkOf, isBulk, queueName } from '../../functions/core/queue/names.ts'

/** A synthesized CloudFormation template, with only the properties that the code in lib/cost reads. */
export interface Template {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties?: Readonly<Record<string, unknown>> }>
  >
}

/** A queue whose messages Lambda takes, and the function that gets them. */
export interface Mapping {
  readonly queue: string
  /** Whether the queue is on SQS. Lambda polls such a queue, and each poll is a billed call to SQS. */
  readonly isPolled: boolean
  /** The most messages per invocation. */
  readonly batchSize: number
  /** How long Lambda waits until a batch is full. */
  readonly windowSeconds: number
  /** The most simultaneous invocations. */
  readonly maxConcurrency: number
  /** The memory of the function, in MB. */
  readonly memory: number
  /** Whether the function runs on managed instances. Then AWS bills the instances, and not the time of the function. */
  readonly isManaged: boolean
}

/** The parts of a stack on which its bill depends. */
export interface Inventory {
  /** The number of metrics that the alarms read, summed over all alarms. AWS bills an alarm for each of its metrics. */
  readonly alarmMetrics: number
  readonly dashboards: number
  readonly secrets: number
  readonly mappings: readonly Mapping[]
  /** The number of queues whose waiting messages the sweeper publishes as a metric. It is 0 with SQS. */
  readonly watchedQueues: number
  /** The memory of each function in MB, by the function's name without the pipeline's name, such as `gateway`. */
  readonly memory: Readonly<Record<string, number>>
  /** The fewest environments on managed instances, of all functions together. */
  readonly environments: number
}

const Alarm = z.object({ Metrics: z.array(z.object({ MetricStat: z.unknown().optional() })).optional() })
const Cluster = z.object({ ManageMasterUserPassword: z.boolean().optional() })
const Queue = z.object({ QueueName: z.string() })
const LambdaFunction = z.object({
  MemorySize: z.number(),
  FunctionScalingConfig: z.object({ MinExecutionEnvironments: z.number() }).optional(),
  Environment: z.object({ Variables: z.object({ DEPLOYMENT: z.string(), POWERTOOLS_SERVICE_NAME: z.string() }) }),
})
const EventSourceMapping = z.object({
  BatchSize: z.number(),
  MaximumBatchingWindowInSeconds: z.number().default(0),
  /** It is absent in the mapping of a RabbitMQ queue. Lambda runs one invocation at a time for such a mapping, so the default is 1. */
  ScalingConfig: z.object({ MaximumConcurrency: z.number() }).default({ MaximumConcurrency: 1 }),
  EventSourceArn: z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }),
  FunctionName: z.object({ Ref: z.string() }),
  /** The queue of a mapping with RabbitMQ, as a list of one name. */
  Queues: z.array(z.string()).optional(),
})

/** Makes the inventory of a template. */
export function inventoryOf(template: Template): Inventory {
  const alarms = propertiesOf(template, 'AWS::CloudWatch::Alarm', Alarm)
  const clusters = propertiesOf(template, 'AWS::RDS::DBCluster', Cluster)
  return {
    alarmMetrics: alarms.reduce((sum, alarm) => sum + metricsOf(alarm), 0),
    dashboards: propertiesOf(template, 'AWS::CloudWatch::Dashboard', z.unknown()).length,
    secrets:
      propertiesOf(template, 'AWS::SecretsManager::Secret', z.unknown()).length +
      clusters.filter(cluster => cluster.ManageMasterUserPassword).length,
    mappings: propertiesOf(template, 'AWS::Lambda::EventSourceMapping', EventSourceMapping).map(mapping => ({
      isManaged: resource(template, mapping.FunctionName.Ref, LambdaFunction).FunctionScalingConfig !== undefined,
      queue: mapping.Queues?.[0] ?? resource(template, mapping.EventSourceArn['Fn::GetAtt'][0], Queue).QueueName,
      isPolled: mapping.Queues === undefined,
      batchSize: mapping.BatchSize,
      windowSeconds: mapping.MaximumBatchingWindowInSeconds,
      maxConcurrency: mapping.ScalingConfig.MaximumConcurrency,
      memory: resource(template, mapping.FunctionName.Ref, LambdaFunction).MemorySize,
    })),
    watchedQueues: watchedQueues(template),
    environments: propertiesOf(template, 'AWS::Lambda::Function', LambdaFunction).reduce(
      (sum, { FunctionScalingConfig }) => sum + (FunctionScalingConfig?.MinExecutionEnvironments ?? 0),
      0,
    ),
    memory: Object.fromEntries(
      propertiesOf(template, 'AWS::Lambda::Function', LambdaFunction).map(({ MemorySize, Environment }) => {
        const { DEPLOYMENT, POWERTOOLS_SERVICE_NAME } = Environment.Variables
        return [POWERTOOLS_SERVICE_NAME.slice(DEPLOYMENT.length + 1), MemorySize]
      }),
    ),
  }
}

/**
 * Returns the mapping of a model's queue. With RabbitMQ, the messages may be divided among several queues. These count as
 * one queue, and `maxConcurrency` is the sum over all of them.
 */
export function mappingOf(inventory: Inventory, pipeline: string, model: string, priority: Priority): Mapping {
  const name = `${pipeline}-${queueName(model, priority)}`
  const mapping = sharing(inventory, name, /^(-\d+)?$/)
  if (!mapping) throw new Error(`the template has no mapping for the queue ${name}`)
  return mapping
}

/**
 * Returns the mapping of a model's bulk queues, in which messages of users with many open requests wait. They count as one
 * queue, too. Returns undefined with SQS, which has no bulk queues.
 */
export const bulkMappingOf = (
  inventory: Inventory,
  pipeline: string,
  model: string,
  priority: Priority,
): Mapping | undefined =>
  sharing(inventory, `${pipeline}-${queueName(model, priority)}`, new RegExp(`^(-\\d+)?${bulkOf('')}$`))

/** Joins the mappings of all queues whose name begins with `name`, and whose rest matches `ending`. Returns undefined if there is no such queue. */
function sharing({ mappings }: Inventory, name: string, ending: RegExp): Mapping | undefined {
  const shares = mappings.filter(({ queue }) => queue.startsWith(name) && ending.test(queue.slice(name.length)))
  const [first] = shares
  return first && { ...first, maxConcurrency: first.maxConcurrency * shares.length }
}

/**
 * Counts the metrics of an alarm. An alarm on a single metric has no list `Metrics`. In a list, an entry without
 * `MetricStat` is an expression over the other metrics. AWS does not bill expressions, so they do not count.
 */
const metricsOf = ({ Metrics }: z.infer<typeof Alarm>): number =>
  Metrics === undefined ? 1 : Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length

const Declared = z.object({ Queues: z.array(z.object({ Name: z.string() })) })

/** Counts the declared queues of RabbitMQ. A queue counts once, even if its messages are divided among several queues or wait in bulk queues. */
function watchedQueues(template: Template): number {
  const names = propertiesOf(template, 'Custom::Queues', Declared).flatMap(({ Queues }) =>
    Queues.map(({ Name }) => Name),
  )
  return names.filter(name => !isBulk(name) && (!names.includes(name.replace(/-\d+$/, '')) || !/-\d+$/.test(name)))
    .length
}

function propertiesOf<Properties>({ Resources }: Template, type: string, schema: z.ZodType<Properties>): Properties[] {
  return Object.values(Resources)
    .filter(({ Type }) => Type === type)
    .map(({ Properties }) => schema.parse(Properties))
}

const resource = <Properties>({ Resources }: Template, id: string, schema: z.ZodType<Properties>): Properties =>
  schema.parse(Resources[id]?.Properties)
