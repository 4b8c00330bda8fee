import * as z from 'zod'
import { ACCOUNT, queueNameOf } from '../arn.ts'
import { startMapping } from '../sqs-mapping/mapping.ts'
import { created, functionOf, propertiesOf, type ResourceType, refuse, unsupported } from './resource.ts'

const Properties = z.object({
  EventSourceArn: z.string(),
  FunctionName: z.string(),
  Enabled: z.boolean().default(true),
  BatchSize: z.coerce.number().default(10),
  MaximumBatchingWindowInSeconds: z.coerce.number().default(0),
  ScalingConfig: z.object({ MaximumConcurrency: z.coerce.number().optional() }).prefault({}),
  FunctionResponseTypes: z.array(z.string()).default([]),
  FilterCriteria: unsupported,
})

/** Lambda starts with five too, and then adds more. */
const DEFAULT_CONCURRENCY = 5

/**
 * Each invocation needs a thread of tens of megabytes, and this machine has few cores. Messages above the limit stay in the queue, where
 * they lose no visibility time.
 */
const MAX_CONCURRENCY = 20

export const eventSourceMapping: ResourceType = async (declared, system) => {
  const properties = await propertiesOf(declared, Properties)
  const queueName = queueNameOf(properties.EventSourceArn)
  if (queueName === undefined) refuse(declared, `event source ${properties.EventSourceArn}`)
  const target = functionOf(system, declared, properties.FunctionName)

  const concurrency = Math.min(properties.ScalingConfig.MaximumConcurrency ?? DEFAULT_CONCURRENCY, MAX_CONCURRENCY)
  const invoke = target.addCaller(concurrency)

  if (properties.Enabled)
    system.activities.push(() =>
      startMapping({
        sqs: system.sqs,
        queueUrl: `${system.endpoints.sqs}/${ACCOUNT}/${queueName}`,
        queueArn: properties.EventSourceArn,
        invoke,
        batchSize: properties.BatchSize,
        windowSeconds: properties.MaximumBatchingWindowInSeconds,
        concurrency,
        reportsFailures: properties.FunctionResponseTypes.includes('ReportBatchItemFailures'),
        log: system.log,
        onReceived: messages => system.observer.received(queueName, messages),
      }),
    )
  return created(declared.logicalId, { Id: declared.logicalId })
}
