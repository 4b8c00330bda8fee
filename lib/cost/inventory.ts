import * as z from 'zod'
import type { Priority } from '../../functions/core/domain/ids.ts'
import { queueName } from '../../functions/core/queue/names.ts'

/** A synthesized template, as far as this folder reads it. */
export interface Template {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties?: Readonly<Record<string, unknown>> }>
  >
}

/** A queue that Lambda polls, and the function that it feeds. */
export interface Mapping {
  readonly queue: string
  readonly batchSize: number
  readonly windowSeconds: number
  readonly maxConcurrency: number
  /** Of the function. MB. */
  readonly memory: number
}

/** The parts of a stack that cost money by being there. */
export interface Inventory {
  /** The metrics that all alarms read: an alarm is billed for each. */
  readonly alarmMetrics: number
  readonly dashboards: number
  readonly secrets: number
  readonly mappings: readonly Mapping[]
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
  ScalingConfig: z.object({ MaximumConcurrency: z.number() }),
  EventSourceArn: z.object({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }),
  FunctionName: z.object({ Ref: z.string() }),
})

/** Counts what a template has. */
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
      queue: resource(template, mapping.EventSourceArn['Fn::GetAtt'][0], Queue).QueueName,
      batchSize: mapping.BatchSize,
      windowSeconds: mapping.MaximumBatchingWindowInSeconds,
      maxConcurrency: mapping.ScalingConfig.MaximumConcurrency,
      memory: resource(template, mapping.FunctionName.Ref, LambdaFunction).MemorySize,
    })),
    memory: Object.fromEntries(
      propertiesOf(template, 'AWS::Lambda::Function', LambdaFunction).map(({ MemorySize, Environment }) => {
        const { DEPLOYMENT, POWERTOOLS_SERVICE_NAME } = Environment.Variables
        return [POWERTOOLS_SERVICE_NAME.slice(DEPLOYMENT.length + 1), MemorySize]
      }),
    ),
  }
}

/** The mapping of a model's queue. */
export function mappingOf({ mappings }: Inventory, pipeline: string, model: string, priority: Priority): Mapping {
  const name = `${pipeline}-${queueName(model, priority)}`
  const mapping = mappings.find(({ queue }) => queue === name)
  if (!mapping) throw new Error(`the template has no mapping for the queue ${name}`)
  return mapping
}

/** An alarm on one metric has no list of them. An expression of the list reads the others, and is not a metric. */
const metricsOf = ({ Metrics }: z.infer<typeof Alarm>): number =>
  Metrics === undefined ? 1 : Metrics.filter(({ MetricStat }) => MetricStat !== undefined).length

function propertiesOf<Properties>({ Resources }: Template, type: string, schema: z.ZodType<Properties>): Properties[] {
  return Object.values(Resources)
    .filter(({ Type }) => Type === type)
    .map(({ Properties }) => schema.parse(Properties))
}

const resource = <Properties>({ Resources }: Template, id: string, schema: z.ZodType<Properties>): Properties =>
  schema.parse(Resources[id]?.Properties)
