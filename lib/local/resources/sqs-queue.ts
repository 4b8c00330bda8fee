import {
  CreateQueueCommand,
  GetQueueUrlCommand,
  QueueDoesNotExist,
  SetQueueAttributesCommand,
} from '@aws-sdk/client-sqs'
import * as z from 'zod'
import { ACCOUNT, arn } from '../arn.ts'
import { created, physicalName, propertiesOf, type ResourceType, type System, unsupported } from './resource.ts'

const Properties = z.object({
  QueueName: z.string().optional(),
  VisibilityTimeout: z.coerce.number().optional(),
  DelaySeconds: z.coerce.number().optional(),
  MaximumMessageSize: z.coerce.number().optional(),
  MessageRetentionPeriod: z.coerce.number().optional(),
  ReceiveMessageWaitTimeSeconds: z.coerce.number().optional(),
  RedrivePolicy: z.object({ deadLetterTargetArn: z.string(), maxReceiveCount: z.coerce.number() }).optional(),
  FifoQueue: unsupported,
})

export const sqsQueue: ResourceType = async (declared, system) => {
  const { QueueName, ...properties } = await propertiesOf(declared, Properties)
  const name = QueueName ?? physicalName(system, declared)
  const attributes = Object.fromEntries(
    Object.entries(properties)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, typeof value === 'object' ? JSON.stringify(value) : String(value)]),
  )
  await createOrUpdate(system, name, attributes)
  system.queues.push(name)
  const url = `${system.endpoints.sqs}/${ACCOUNT}/${name}`
  return created(url, { Arn: arn('sqs', name), QueueName: name, QueueUrl: url })
}

// An existing queue is updated and not created again, because a second creation could delete its messages.
async function createOrUpdate({ sqs }: System, name: string, attributes: Record<string, string>): Promise<void> {
  try {
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: name }))
    if (Object.keys(attributes).length > 0)
      await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: attributes }))
  } catch (error) {
    if (!(error instanceof QueueDoesNotExist)) throw error
    await sqs.send(new CreateQueueCommand({ QueueName: name, Attributes: attributes }))
  }
}
