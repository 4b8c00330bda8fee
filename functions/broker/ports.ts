import type { Logger } from '@aws-lambda-powertools/logger'
import type { InsistPorts } from '../core/platform/insist.ts'
import type { CountWaiting, MessagesLeft, QueueExists, ReturnedResults, SendInput } from '../core/queue/admin-port.ts'
import type { MessageQueue } from '../core/queue/port.ts'

/** What the stack declares: the properties of its custom resource. */
export interface Declared {
  readonly queues: readonly { readonly name: string; readonly dead_letters?: string | undefined }[]
  /** The input that gets the messages of producers from the exchange of the team. */
  readonly requests?: string | undefined
  /** The input that got these messages until now, if it is another input. */
  readonly unbind?: string | undefined
}

export interface BrokerPorts extends InsistPorts {
  /**
   * Declares the queues. A repetition does no harm. Rejects with `Unavailable`, or with a `Defect` that says which
   * problem stops the declaration.
   */
  declare(topology: Declared): Promise<void>
  readonly queue: MessageQueue
  readonly exists: QueueExists
  readonly count: CountWaiting
  readonly sendInput: SendInput
  readonly messagesLeft: MessagesLeft
  /**
   * Finds the queues that the deployment needs and the broker does not have. Queues of inputs are not checked. Rejects
   * with `Unavailable`.
   */
  missingQueues(): Promise<string[]>
  /**
   * Sends results from their dead-letter queue to their queue again, as many as it can within some seconds. Rejects with
   * `Unavailable`.
   */
  returnResults(): Promise<ReturnedResults>
  /**
   * Moves the messages of an invocation out of their bulk queue. Rejects with `Unavailable` if the broker can't be
   * reached until `giveUpAt` (epoch milliseconds).
   */
  moveBulk(event: unknown, giveUpAt: number): Promise<void>
  readonly logger: Pick<Logger, 'warn' | 'error'>
}
