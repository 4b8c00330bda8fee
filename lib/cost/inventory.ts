import * as z from 'zod'
import type { Priority } from '../../functions/core/domain/ids.ts'
import { bulkOf, isBulk, queueName } from '../../functions/core/queue/names.ts'

/** The parts of a synthesized template that this folder reads. */
export interface Template {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties?: Readonly<Record<string, unknown>> }>
  >
}

/** A queue whose messages Lambda takes, and the function that gets them. */
export interface Mapping {
  readonly queue: string
  /** Whether Lambda polls the queue, which costs calls of SQS. */
  readonly isPolled: boolean
  readonly batchSize: number
  readonly windowSeconds: number
  readonly maxConcurrency: number
  /** The memory of the function, in MB. */
  readonly memory: number
}

/** The parts of a stack that cost money also without traffic. */
export interface Inventory {
  /** The metrics that all alarms read: an alarm is billed for each. */
  readonly alarmMetrics: number
  readonly dashboards: number
  readonly secrets: number
  readonly mappings: readonly Mapping[]
  /** The queues of a broker whose waiting messages the sweeper publishes. */
  readonly watchedQueues: number
  /** The memory of each function, by the name of its service after the pipeline's name. MB. */
  readonly memory: Readonly<Record<string, number>>
}

const Alarm = z.object({ Metrics: z.array(z.object({ MetricStat: z.unknown().optional() })).optional() })
const Cluster = z.object({ ManageMasterUserPassword: z.boolean().optional() })
const Queue = z.object({ QueueName: z.string() })
const LambdaFunction = z.object({
  MemorySize: z.number(),
  Environment: z.object({ Variables: z.object({ DEPLOYMENT: z.string(), POWERTOOLS_SERVICE_NAME: z.string() }) }),
})
const EventSourceMapping = z.object({
  BatchSize: z.number(),
  MaximumBatchingWindowInSeconds: z.number().default(0),
  /** Absent from a mapping of a broker, for which Lambda runs one invocation at a time. */
  ScalingConfig: z.object({ MaximumConcurrency: z.number() }).default({ MaximumConcurrency: 1 }),
  EventSourceArn: z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }),
  FunctionName: z.object({ Ref: z.string() }),
  /** The queues of a mapping of a broker. */
  Queues: z.array(z.string()).optional(),
})

/** Counts these parts of a template. */
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
      queue: mapping.Queues?.[0] ?? resource(template, mapping.EventSourceArn['Fn::GetAtt'][0], Queue).QueueName,
      isPolled: mapping.Queues === undefined,
      batchSize: mapping.BatchSize,
      windowSeconds: mapping.MaximumBatchingWindowInSeconds,
      maxConcurrency: mapping.ScalingConfig.MaximumConcurrency,
      memory: resource(template, mapping.FunctionName.Ref, LambdaFunction).MemorySize,
    })),
    watchedQueues: watchedQueues(template),
    memory: Object.fromEntries(
      propertiesOf(template, 'AWS::Lambda::Function', LambdaFunction).map(({ MemorySize, Environment }) => {
        const { DEPLOYMENT, POWERTOOLS_SERVICE_NAME } = Environment.Variables
        return [POWERTOOLS_SERVICE_NAME.slice(DEPLOYMENT.length + 1), MemorySize]
      }),
    ),
  }
}

/**
 * Returns the mapping of a model's queue. The queues that share its messages count as one queue, with the sum of their
 * invocations.
 */
export function mappingOf(inventory: Inventory, pipeline: string, model: string, priority: Priority): Mapping {
  const name = `${pipeline}-${queueName(model, priority)}`
  const mapping = sharing(inventory, name, /^(-\d+)?$/)
  if (!mapping) throw new Error(`the template has no mapping for the queue ${name}`)
  return mapping
}

/** Returns the mapping of a model's bulk queues, which also count as one queue. SQS has none. */
export const bulkMappingOf = (
  inventory: Inventory,
  pipeline: string,
  model: string,
  priority: Priority,
): Mapping | undefined =>
  sharing(inventory, `${pipeline}-${queueName(model, priority)}`, new RegExp(`^(-\\d+)?${bulkOf('')}$`))

/** Joins the mappings of all queues whose name is `name` and an ending like this. */
function sharing({ mappings }: Inventory, name: string, ending: RegExp): Mapping | undefined {
  const shares = mappings.filter(({ queue }) => queue.startsWith(name) && ending.test(queue.slice(name.length)))
  const [first] = shares
  return first && { ...first, maxConcurrency: first.maxConcurrency * shares.length }
}

/**
 * Counts the metrics of an alarm. An alarm on one metric has no list of metrics. An expression in the list reads other
 * metrics, and is no metric itself.
 */
const metricsOf = ({ Metrics }: z.infer<typeof Alarm>): number =>
  Metrics === undefined ? 1 : Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length

const Declared = z.object({ Queues: z.array(z.object({ Name: z.string() })) })

/** Counts the declared queues. The queues that share the messages of one queue count once. */
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
