import { createFairLine } from '../fair-line.ts'

// fauxqs, the emulator of SQS, has no API for fair queues. So this file changes internals of fauxqs, and relies on two facts. First, a queue's `messages`
// contains the messages of a standard queue that can be received. Second, a message keeps the object of attributes that came with the call that sent it.
// In another version of fauxqs, these facts may be different. So package.json names one exact version (a test checks that). After a change of the version,
// run test/local/fair-queues.test.ts.
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
 * Makes standard queues fair: message groups take turns. So if a group has a thousand waiting messages, the single message of another group
 * waits only for a few of them. SQS is fair to groups, too. It decides by each group's share of the messages that are being processed, with a similar
 * result. Messages without a group count as one group. A message is stored with its group, so queues are fair after a restart, too.
 *
 * Without this change, fauxqs ignores the group of a message in a standard queue, and delivers messages in the order of their arrival. Call this
 * function before fauxqs starts.
 */
export async function makeQueuesFair(): Promise<void> {
  const { SqsStore, SqsQueue }: StoreModule = await import(insideFauxqs('sqs/sqsStore.js'))
  const { SqsRouter }: RouterModule = await import(insideFauxqs('sqs/sqsRouter.js'))
  rememberGroups(SqsRouter.prototype, SqsQueue.prototype)
  takeTurns(SqsStore.prototype)
}

/** Returns the URL of a module inside fauxqs. fauxqs exports only its server, but the server imports the same module, so changes of the module count. */
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
      // To purge a queue, fauxqs sets `messages` to an empty list.
      set: (messages: Iterable<Message>) => {
        line = lineOf(messages)
      },
    })
    return queue
  }
}
