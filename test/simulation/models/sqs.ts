import {
  QueueDoesNotExist,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SQSClient,
  SQSServiceException,
} from '@aws-sdk/client-sqs'

export interface Message {
  readonly id: string
  readonly body: string
  /** Epoch milliseconds from which it may be received. */
  visible_at: number
  receives: number
}

export interface Queue {
  readonly name: string
  readonly visibility_ms: number
  /** Received more often, a message goes to the dead-letter queue. */
  readonly max_receives: number
  readonly messages: Map<string, Message>
}

export interface QueueSettings {
  readonly visibility_ms: number
  readonly max_receives: number
}

export interface SqsModel {
  /** Does what a command asks for, at once. `fails` picks entries of a batch that SQS fails on its side. */
  execute(command: unknown, fails?: (entry: number) => boolean): unknown
  readonly queues: ReadonlyMap<string, Queue>
  /** Sends a text as it is; answers with the message's id. With an id, that message comes once more. */
  put(queue: string, body: string, visible_at: number, id?: string): string
  visible(queue: Queue): Message[]
  /** Hides messages from others for the queue's visibility timeout; those that came too often go to its dead letters. */
  receive(queue: Queue, messages: readonly Message[]): Message[]
  bury(queue: Queue, message: Message): void
}

const MAX_BYTES = 1_048_576
/** The characters that SQS takes. */
const LEGAL = /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u

/** Standard queues; each has a dead-letter queue of the same name and `-dlq`, which keeps what it has. */
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
  let sent = 0

  const put = (name: string, body: string, visible_at: number, id = `m${++sent}`): string => {
    onPut(name, body)
    queues.get(name)?.messages.set(id, { id, body, visible_at, receives: 0 })
    return id
  }
  const queueOf = (url: string | undefined): string => {
    const name = url?.slice(urlPrefix.length) ?? ''
    if (!queues.has(name)) throw new QueueDoesNotExist({ message: 'no such queue', $metadata: {} })
    return name
  }
  const send = (queue: string, entry: { MessageBody?: string | undefined; DelaySeconds?: number | undefined }) => {
    const { MessageBody = '', DelaySeconds = 0 } = entry
    if (!LEGAL.test(MessageBody)) refuse('InvalidMessageContents')
    if (DelaySeconds < 0 || DelaySeconds > 900 || !Number.isInteger(DelaySeconds)) refuse('InvalidParameterValue')
    put(queue, MessageBody, clock() + DelaySeconds * 1000)
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
        bury(queues, queue, message, clock())
        return false
      }),
    bury: (queue, message) => bury(queues, queue, message, clock()),
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

function bury(queues: ReadonlyMap<string, Queue>, queue: Queue, message: Message, now: number): void {
  const dlq = queues.get(`${queue.name}-dlq`)
  if (!dlq) return
  queue.messages.delete(message.id)
  dlq.messages.set(message.id, { ...message, visible_at: now, receives: 0 })
}

function refuse(name: string): never {
  throw new SQSServiceException({ name, $fault: 'client', $metadata: {}, message: name })
}

export const sqsClient = (send: (command: unknown) => Promise<unknown>): SQSClient => ({ send }) as unknown as SQSClient
