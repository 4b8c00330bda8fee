import * as z from 'zod'
import { ACCOUNT, queueNameOf } from '../arn.ts'
import { startRmqMapping } from '../rabbitmq/mapping.ts'
import { startMapping } from '../sqs-mapping/mapping.ts'
import { created, functionOf, propertiesOf, type ResourceType, refuse, type System, unsupported } from './resource.ts'

const Properties = z.object({
  EventSourceArn: z.string(),
  FunctionName: z.string(),
  Enabled: z.boolean().default(true),
  BatchSize: z.coerce.number().optional(),
  MaximumBatchingWindowInSeconds: z.coerce.number().optional(),
  ScalingConfig: z.object({ MaximumConcurrency: z.coerce.number().optional() }).prefault({}),
  FunctionResponseTypes: z.array(z.string()).default([]),
  /** The queue from which the mapping takes messages, if the event source is a broker. */
  Queues: z.array(z.string()).optional(),
  FilterCriteria: unsupported,
})
type Properties = z.infer<typeof Properties>

export const eventSourceMapping: ResourceType = async (declared, system) => {
  const properties = await propertiesOf(declared, Properties)
  const { EventSourceArn, FunctionName, Enabled } = properties
  const target = functionOf(system, declared, FunctionName)
  const queueName = queueNameOf(EventSourceArn)
  const [brokerQueue] = EventSourceArn.includes(':mq:') ? (properties.Queues ?? []) : []
  if (queueName === undefined && brokerQueue === undefined) refuse(declared, `event source ${EventSourceArn}`)
  const start =
    queueName === undefined
      ? ofBroker(system, properties, brokerQueue ?? '', target)
      : ofSqs(system, properties, queueName, target)
  if (Enabled) system.activities.push(start)
  return created(declared.logicalId, { Id: declared.logicalId })
}

type Target = ReturnType<typeof functionOf>

/** The highest number of simultaneous invocations of a mapping without MaximumConcurrency. Lambda starts with five, too, but then adds more. */
const DEFAULT_CONCURRENCY = 5

/**
 * The highest number of simultaneous invocations of any mapping. Each invocation may need a thread of tens of megabytes, and this machine has few
 * cores. Further messages stay in the queue. Their visibility timeout does not run there, so they are not delivered a second time while they wait.
 */
const MAX_CONCURRENCY = 20

/** Lambda's defaults for the largest batch and the batch window, for queues of SQS and for queues of a broker. */
const DEFAULT_BATCH = { sqs: 10, broker: 100 }
const DEFAULT_WINDOW_SECONDS = { sqs: 0, broker: 0.5 }

function ofSqs(system: System, properties: Properties, queueName: string, target: Target): System['activities'][0] {
  const concurrency = Math.min(properties.ScalingConfig.MaximumConcurrency ?? DEFAULT_CONCURRENCY, MAX_CONCURRENCY)
  const invoke = target.addCaller(concurrency)
  return () =>
    startMapping({
      sqs: system.sqs,
      queueUrl: `${system.endpoints.sqs}/${ACCOUNT}/${queueName}`,
      queueArn: properties.EventSourceArn,
      invoke,
      batchSize: properties.BatchSize ?? DEFAULT_BATCH.sqs,
      windowSeconds: properties.MaximumBatchingWindowInSeconds ?? DEFAULT_WINDOW_SECONDS.sqs,
      concurrency,
      reportsFailures: properties.FunctionResponseTypes.includes('ReportBatchItemFailures'),
      log: system.log,
      endWaits: system.endWaits,
      onReceived: messages => system.observer.received(queueName, messages),
    })
}

/** Makes the mapping of a broker's queue. Like Lambda, it runs one invocation at a time for each queue. */
function ofBroker(system: System, properties: Properties, queue: string, target: Target): System['activities'][0] {
  const invoke = target.addCaller(1)
  system.brokerQueues.push(queue)
  return () =>
    startRmqMapping({
      url: system.brokerUrl,
      brokerArn: properties.EventSourceArn,
      queue,
      invoke,
      batchSize: properties.BatchSize ?? DEFAULT_BATCH.broker,
      windowSeconds: properties.MaximumBatchingWindowInSeconds ?? DEFAULT_WINDOW_SECONDS.broker,
      log: system.log,
      // Functions report an outage of RabbitMQ, too. `cause` begins like that of the functions' reports, so the terminal shows the outage only once.
      // The message names no queue, since the outage affects all queues.
      onOutage: reason =>
        system.troubles.report('rabbitmq', {
          level: 'WARN',
          message: "its queues can't be read",
          cause: `the queue is unavailable: ${reason}`,
        }),
      onReceived: messages => system.observer.received(queue, messages),
    })
}
