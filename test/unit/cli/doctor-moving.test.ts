import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import { GetQueueAttributesCommand, QueueDoesNotExist, SQSClient } from '@aws-sdk/client-sqs'
import { Uint8ArrayBlobAdapter } from '@smithy/core/serde'
import { beforeEach, describe, expect, it } from 'vitest'
import { type RequestItem, reservationOf } from '../../../functions/core/domain/item.ts'
import { examineMoving } from '../../../lib/cli/doctor/moving.ts'
import { queuesOf } from '../../../lib/cli/queues.ts'
import { parsePipeline } from '../../../lib/config/load.ts'
import { NOW } from '../../support/clock.ts'
import { mockClient } from '../../support/mock-client.ts'
import { anItem } from '../../support/requests.ts'

const sqs = mockClient(SQSClient)
const lambda = mockClient(LambdaClient)
beforeEach(() => {
  sqs.reset()
  lambda.reset()
})

const ON_SQS = { QueueUrlPrefix: 'https://sqs.eu-west-1.amazonaws.com/123456789012/shop-' }
const ON_RABBITMQ = { BrokerFunction: 'shop-broker' }

const pipelineOn = (backend: string) =>
  parsePipeline(
    `
quotas: { default_plan: free, plans: { free: { requests: 9, tokens: 999, in_flight: 9, priorities: [normal] } } }
routing: [{ model: text }]
queue: { backend: ${backend} }
inputs: [{ queue: prompts }]
models: { text: { endpoint: { url: "https://model.example/" }, request: '{}', response: '{ "result": 1 }' } }
`,
    {},
    'pipeline.yaml',
  )

/** Checks a pipeline with this backend and a stack with these outputs, in which these requests are open. */
async function examine(outputs: typeof ON_SQS | typeof ON_RABBITMQ, backend: string, open: RequestItem[] = []) {
  const named = { QueueUrlPrefix: undefined, BrokerFunction: undefined, ...outputs }
  const queues = queuesOf({ outputs: named, sqs: new SQSClient(), lambdaOnce: new LambdaClient() })
  const ports = {
    ...queues,
    openReservations: async function* () {
      yield open.map(item => ({ reservation: reservationOf(item), at: NOW }))
    },
    itemsOf: async () => open,
  }
  return examineMoving(ports, named, pipelineOn(backend))
}

const messages = (queue: string, counts: Record<string, string>) =>
  sqs
    .on(GetQueueAttributesCommand, { QueueUrl: `https://sqs.eu-west-1.amazonaws.com/123456789012/${queue}` })
    .resolves({ Attributes: counts })

describe('sluice doctor, before a change of the queue backend', () => {
  it('`doctor` makes no check if pipeline.yaml names the backend that the stack already uses', async () => {
    expect(await examine(ON_SQS, 'sqs', [anItem({})])).toEqual([])
    expect(await examine(ON_RABBITMQ, 'rabbitmq', [anItem({})])).toEqual([])
  })

  it('`doctor` reports the requests that have not ended, and the messages in the results queue and the input queues', async () => {
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { ApproximateNumberOfMessages: '0' } })
    messages('shop-results', { ApproximateNumberOfMessages: '1', ApproximateNumberOfMessagesNotVisible: '2' })
    messages('prompts', { ApproximateNumberOfMessagesDelayed: '1' })

    expect(await examine(ON_SQS, 'rabbitmq', [anItem({}), anItem({ status: 'completed' })])).toEqual([
      {
        check: 'queues',
        state: 'failed',
        found:
          'pipeline.yaml moves from SQS to RabbitMQ, and 2 requests have not ended, results has 3 messages, prompts has 1 message',
        todo: expect.stringContaining('docs/queues.md#moving-from-one-backend-to-the-other'),
      },
    ])
  })

  it('`doctor` finds no obstacle once all queues are empty, even if a new input has no queue yet', async () => {
    sqs.on(GetQueueAttributesCommand).resolves({ Attributes: { ApproximateNumberOfMessages: '0' } })
    sqs
      .on(GetQueueAttributesCommand, { QueueUrl: 'https://sqs.eu-west-1.amazonaws.com/123456789012/prompts' })
      .rejects(new QueueDoesNotExist({ message: 'no', $metadata: {} }))

    expect(await examine(ON_SQS, 'rabbitmq')).toEqual([
      {
        check: 'queues',
        state: 'ok',
        found: 'pipeline.yaml moves from SQS to RabbitMQ, and nothing is left in the queues',
      },
    ])
  })

  it('`doctor` lets the function `broker` count the messages of a RabbitMQ broker', async () => {
    const answer = (value: object) => ({ Payload: Uint8ArrayBlobAdapter.fromString(JSON.stringify(value)) })
    lambda.on(InvokeCommand).resolves(answer({ messages: { 'delay-3': 2 } }))

    expect(await examine(ON_RABBITMQ, 'sqs')).toMatchObject([
      { state: 'failed', found: 'pipeline.yaml moves from RabbitMQ to SQS, and delay-3 has 2 messages' },
    ])
    const [call] = lambda.commandCalls(InvokeCommand)
    expect(JSON.parse(String(call?.args[0].input.Payload))).toEqual({ operation: 'count left', inputs: ['prompts'] })

    lambda.on(InvokeCommand).resolves(answer({ unavailable: 'it takes no messages' }))
    expect(await examine(ON_RABBITMQ, 'sqs')).toMatchObject([
      { state: 'warning', found: expect.stringContaining('could not be examined') },
    ])
  })
})
