import { createFairLine } from '../fair-line.ts'

// What this relies on of fauxqs, which has no way in for it: the messages of a standard queue that can be received wait in `messages`, and
// a message keeps the very object of attributes that came with its request.
type Attributes = Record<string, unknown>
interface Message {
  messageAttributes: Attributes
  messageGroupId?: string | undefined
}
interface Queue {
  messages: Iterable<Message>
  enqueue(message: Message): void
}
interface Sent {
  MessageGroupId?: string
  MessageAttributes?: Attributes
  Entries?: Sent[]
}
interface StoreModule {
  SqsStore: { prototype: { createQueue(...args: unknown[]): Queue } }
  SqsQueue: { prototype: Queue }
}
interface RouterModule {
  SqsRouter: { prototype: { handle(request: { body?: unknown }, reply: unknown): unknown } }
}

/**
 * Makes standard queues fair, as those of SQS are to messages with a `MessageGroupId`: groups take turns, so that one with a thousand
 * messages waiting holds up another's only one for the next few. SQS goes by a group's share of what is in flight; that comes
 * to much the same. Messages without a group are one group. The group is stored with the message and received with it.
 *
 * fauxqs forgets the group of a message that a standard queue gets, and hands messages out as they came. To be called before it starts.
 */
export async function makeQueuesFair(): Promise<void> {
  const { SqsStore, SqsQueue }: StoreModule = await import(insideFauxqs('sqs/sqsStore.js'))
  const { SqsRouter }: RouterModule = await import(insideFauxqs('sqs/sqsRouter.js'))
  rememberGroups(SqsRouter.prototype, SqsQueue.prototype)
  takeTurns(SqsStore.prototype)
}

/** fauxqs exports its server alone; its other modules are those that the server imports, too. */
export const insideFauxqs = (path: string): string => new URL(path, import.meta.resolve('fauxqs')).href

function rememberGroups(router: RouterModule['SqsRouter']['prototype'], queue: Queue): void {
  const groups = new WeakMap<Attributes, string>()
  const { handle } = router
  router.handle = function (request, reply) {
    const body = (request.body ?? {}) as Sent
    for (const sent of body.Entries ?? [body]) {
      if (sent.MessageGroupId === undefined) continue
      sent.MessageAttributes ??= {}
      groups.set(sent.MessageAttributes, sent.MessageGroupId)
    }
    return Reflect.apply(handle, this, [request, reply])
  }

  const { enqueue } = queue
  queue.enqueue = function (message) {
    message.messageGroupId ??= groups.get(message.messageAttributes)
    Reflect.apply(enqueue, this, [message])
  }
}

function takeTurns(store: StoreModule['SqsStore']['prototype']): void {
  const { createQueue } = store
  store.createQueue = function (...args) {
    const queue = Reflect.apply(createQueue, this, args)
    const lineOf = (messages: Iterable<Message>) => createFairLine(({ messageGroupId }) => messageGroupId, messages)
    let line = lineOf(queue.messages)
    Object.defineProperty(queue, 'messages', {
      get: () => line,
      // Purging a queue is giving it others: none.
      set: (messages: Iterable<Message>) => {
        line = lineOf(messages)
      },
    })
    return queue
  }
}
