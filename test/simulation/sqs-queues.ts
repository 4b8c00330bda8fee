import { SendMessageBatchCommand, SendMessageCommand } from '@aws-sdk/client-sqs'
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import type { QueueReceiver } from '../../functions/core/queue/port.ts'
import { sqsQueue, sqsReceiver } from '../../functions/core/queue/sqs.ts'
import { type Message, type Queue, sqsClient, sqsModel } from './models/sqs.ts'
import type { Batch, Mappings, Queues, Sent, StoredMessage } from './queues.ts'
import { evenly } from './random.ts'
import { INPUT_QUEUE, QUEUES, URL_PREFIX, WORK_QUEUES } from './settings.ts'
import type { World } from './world.ts'

/** Queues of SQS, with Lambda's event source mappings. */
export function sqsQueues(world: World, onPut: (queue: string, body: string) => void): Queues {
  const sqs = sqsModel(QUEUES, world.clock, URL_PREFIX, onPut)
  const queueOf = (name: string): Queue => sqs.queues.get(name) ?? missing(name)
  const known = ({ queue, messages }: Batch): Message[] =>
    messages.flatMap(({ id }) => queueOf(queue).messages.get(id) ?? [])
  const received = (queue: Queue, messages: readonly Message[]): Batch => ({
    queue: queue.name,
    messages: sqs.receive(queue, messages),
  })

  const mappings: Mappings = {
    ready: hasRoom =>
      [...sqs.queues.values()]
        .filter(queue => queue.messages.size > 0 && hasRoom(queue.name) && sqs.visible(queue).length > 0)
        .map(({ name }) => name),
    take: (name, batch, choices) => {
      const queue = queueOf(name)
      const visible = sqs.visible(queue)
      const size = choices.of([[3, batch], ...evenly([1, 2])])
      const first = choices.of([[4, 0], ...evenly(visible.map((_, i) => i))])
      return received(queue, [...visible.slice(first), ...visible.slice(0, first)].slice(0, size))
    },
    takeOldest: (name, size) => received(queueOf(name), sqs.visible(queueOf(name)).slice(0, size)),
    start: batch => ({ Records: known(batch).map(message => toRecord(batch.queue, message)) }) satisfies SQSEvent,
    end: ({ queue, messages }, _by, end) => {
      if ('error' in end) return undefined
      const { batchItemFailures } = end.response as SQSBatchResponse
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
      const done = messages.map(({ id }) => id).filter(id => !failed.has(id))
      if (done.length === 0) return undefined
      const effect = () => {
        for (const id of done) queueOf(queue).messages.delete(id)
      }
      // If the deletion is lost, SQS delivers the message again after its visibility timeout.
      return { label: `acknowledges ${done}`, effect, ifLost: () => {} }
    },
  }

  return {
    backend: 'sqs',
    open: async () => {},
    stored: sqs.queues,
    mappings,
    disturbances: {
      'becomes visible': (queue, message) => {
        for (const one of known({ queue, messages: [message] })) one.visible_at = world.clock()
      },
      // A duplicate in the input queue must have the id of the first message. So it is not made here, but by the operation `sendInputAgain`.
      'is doubled': (queue, message) => {
        if (!queue.startsWith(INPUT_QUEUE)) sqs.put(queue, message.body, world.clock())
      },
      'is moved to the dead letters': (queue, message) => {
        if (![...WORK_QUEUES, INPUT_QUEUE].includes(queue)) return
        for (const one of known({ queue, messages: [message] })) sqs.moveToDeadLetters(queueOf(queue), one)
      },
    },
    put: (queue, body, id) => sqs.put(queue, body, world.clock(), id),
    remove: sqs.remove,
    create: sqs.create,
    isServed: () => true,
    announced: [],
    adapter: (calling, onSend) => {
      const execute = (command: unknown) => {
        for (const sent of sendsOf(command)) onSend(sent)
        return sqs.execute(command, () => failsInBatch(world))
      }
      return {
        queue: sqsQueue(sqsClient(calling(() => 'queue', execute)), URL_PREFIX),
        receiver: sqsReceiver as QueueReceiver<unknown, unknown>,
      }
    },
  }
}

const toRecord = (queue: string, { id, body, receives }: StoredMessage & Pick<Message, 'receives'>): SQSRecord => ({
  messageId: id,
  receiptHandle: id,
  body,
  attributes: {
    ApproximateReceiveCount: String(receives),
    SentTimestamp: '0',
    SenderId: 'sender',
    ApproximateFirstReceiveTimestamp: '0',
  },
  messageAttributes: {},
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: `arn:aws:sqs:us-east-1:000000000000:${queue}`,
  awsRegion: 'us-east-1',
})

function sendsOf(command: unknown): Sent[] {
  const { Entries = [] } = command instanceof SendMessageBatchCommand ? command.input : {}
  const entries = command instanceof SendMessageCommand ? [command.input] : Entries
  return entries.map(({ MessageBody = '', DelaySeconds = 0 }) => ({ body: MessageBody, delay_seconds: DelaySeconds }))
}

/** Chooses whether SQS refuses some messages of a batch. */
function failsInBatch(world: World): boolean {
  const fails =
    world.faultsLeft() > 0 &&
    world.choices.of([
      [20, false],
      [1, true],
    ])
  return fails && world.spend()
}

function missing(queue: string): never {
  throw new Error(`there is no queue ${queue}`)
}
