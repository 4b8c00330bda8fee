import {
  QueueDoesNotExist,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  SendMessageCommand,
  type SQSClient,
  SQSServiceException,
} from '@aws-sdk/client-sqs'
import { ServiceFault } from '../invocation.ts'

export interface Message {
  readonly id: string
  readonly body: string
  readonly attributes: Readonly<Record<string, string>>
  /** The time from which the message may be received, in epoch milliseconds. */
  visible_at: number
  receives: number
}

export interface Queue {
  readonly name: string
  readonly visibility_ms: number
  /** A message that is received more often than this goes to the dead-letter queue. */
  readonly max_receives: number
  readonly messages: Map<string, Message>
}

export interface QueueSettings {
  readonly visibility_ms: number
  readonly max_receives: number
}

export interface SqsModel {
  /** Executes a command immediately. `fails` picks the entries of a batch that SQS refuses. */
  execute(command: unknown, fails?: (entry: number) => boolean): unknown
  readonly queues: ReadonlyMap<string, Queue>
  /** Sends a text unchanged, and returns the id of the message. If an id is given, the message with this id is sent again. */
  put(queue: string, body: string, visibleAt: number, id?: string, attributes?: Message['attributes']): string
  visible(queue: Queue): Message[]
  /** Hides messages for the queue's visibility timeout. Messages with too many receives go to the dead-letter queue. */
  receive(queue: Queue, messages: readonly Message[]): Message[]
  moveToDeadLetters(queue: Queue, message: Message): void
  /** Deletes a queue, its dead-letter queue, and their messages. Sends fail until the queue is created again. */
  remove(queue: string): void
  create(queue: string): void
}

type Entry = Pick<SendMessageBatchRequestEntry, 'MessageBody' | 'DelaySeconds' | 'MessageAttributes'>

const MAX_BYTES = 1_048_576
/** The characters that SQS accepts. */
const LEGAL = /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u

/** A model of SQS standard queues. Each queue has a dead-letter queue with the suffix `-dlq`. Only a deletion removes a message from a dead-letter queue. */
export function sqsModel(
  settings: Readonly<Record<string, QueueSettings>>,
  clock: () => number,
  urlPrefix: string,
  onPut: (queue: string, body: string) => void = () => undefined,
): SqsModel {
  const queues = new Map<string, Queue>()
  for (const [name, { visibility_ms, max_receives }] of Object.entries(settings)) {
    queues.set(name, { name, visibility_ms, max_receives, messages: new Map() })
    const dlq = `${name}-dlq`
    queues.set(dlq, { name: dlq, visibility_ms, max_receives: Number.POSITIVE_INFINITY, messages: new Map() })
  }
  const removed = new Set<string>()
  let sent = 0

  const put: SqsModel['put'] = (name, body, visibleAt, id = `m${++sent}`, attributes = {}) => {
    onPut(name, body)
    if (removed.has(name)) return id
    queues.get(name)?.messages.set(id, { id, body, attributes, visible_at: visibleAt, receives: 0 })
    return id
  }
  const queueOf = (url: string | undefined): string => {
    const name = url?.slice(urlPrefix.length) ?? ''
    if (!queues.has(name)) throw new QueueDoesNotExist({ message: 'no such queue', $metadata: {} })
    // A send to a queue that a deployment has deleted is an outage, because the next deployment may create the queue again. An unknown name is a defect.
    if (removed.has(name)) throw new ServiceFault(`${name} was deleted`)
    return name
  }
  const send = (queue: string, entry: Entry) => {
    const { MessageBody = '', DelaySeconds = 0, MessageAttributes = {} } = entry
    if (!LEGAL.test(MessageBody)) refuse('InvalidMessageContents')
    if (DelaySeconds < 0 || DelaySeconds > 900 || !Number.isInteger(DelaySeconds)) refuse('InvalidParameterValue')
    const texts = Object.entries(MessageAttributes).map(([name, { StringValue = '' }]) => [name, StringValue])
    put(queue, MessageBody, clock() + DelaySeconds * 1000, undefined, Object.fromEntries(texts))
  }

  return {
    queues,
    put,
    visible: ({ messages }) => [...messages.values()].filter(message => message.visible_at <= clock()),
    receive: (queue, messages) =>
      messages.filter(message => {
        message.receives += 1
        message.visible_at = clock() + queue.visibility_ms
        if (message.receives <= queue.max_receives) return true
        moveToDeadLetters(queues, queue, message, clock())
        return false
      }),
    moveToDeadLetters: (queue, message) => moveToDeadLetters(queues, queue, message, clock()),
    remove: name => {
      for (const one of [name, `${name}-dlq`]) {
        removed.add(one)
        queues.get(one)?.messages.clear()
      }
    },
    create: name => {
      for (const one of [name, `${name}-dlq`]) removed.delete(one)
    },
    execute: (command, fails = () => false) => {
      if (command instanceof SendMessageCommand) {
        const { QueueUrl, ...entry } = command.input
        const queue = queueOf(QueueUrl)
        if ((entry.MessageBody?.length ?? 0) > MAX_BYTES) refuse('InvalidParameterValue')
        send(queue, entry)
        return {}
      }
      if (!(command instanceof SendMessageBatchCommand)) throw new Error('this command is not modelled')
      const { QueueUrl, Entries = [] } = command.input
      const queue = queueOf(QueueUrl)
      const bytes = Entries.reduce((sum, { MessageBody = '' }) => sum + MessageBody.length, 0)
      if (Entries.length === 0 || Entries.length > 10 || bytes > MAX_BYTES) refuse('BatchRequestTooLong')
      const failed = Entries.filter((_, i) => fails(i))
      for (const entry of Entries) if (!failed.includes(entry)) send(queue, entry)
      return { Failed: failed.map(({ Id }) => ({ Id, SenderFault: false, Code: 'InternalError' })) }
    },
  }
}

function moveToDeadLetters(queues: ReadonlyMap<string, Queue>, queue: Queue, message: Message, now: number): void {
  const dlq = queues.get(`${queue.name}-dlq`)
  if (!dlq) return
  queue.messages.delete(message.id)
  dlq.messages.set(message.id, { ...message, visible_at: now, receives: 0 })
}

function refuse(name: string): never {
  throw new SQSServiceException({ name, $fault: 'client', $metadata: {}, message: name })
}

export const sqsClient = (send: (command: unknown) => Promise<unknown>): SQSClient => ({ send }) as unknown as SQSClient
