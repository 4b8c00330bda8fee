import type { Logger } from '@aws-lambda-powertools/logger'
import type { InsistPorts } from '../core/platform/insist.ts'
import type { CountWaiting, MessagesLeft, QueueExists, ReturnedResults, SendInput } from '../core/queue/admin-port.ts'
import type { MessageQueue } from '../core/queue/port.ts'

/** The queues that the stack declares, from the properties of its custom resource. */
export interface Declared {
  readonly queues: readonly { readonly name: string; readonly dead_letters?: string | undefined }[]
  /** The input queue that gets the messages that producers publish to the team's exchange (`team-exchange.ts`). */
  readonly requests?: string | undefined
  /**
   * The input queue that the previous deployment has bound to this exchange, if it is another one. Its binding must be
   * removed. Otherwise each message would go to both queues, and could become two requests.
   */
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
   * Finds the queues that the deployment needs and the broker does not have.
   * Rejects with `Unavailable` if the service can't be reached.
   */
  missingQueues(): Promise<string[]>
  /**
   * Sends results from their dead-letter queue to the results queue again, as many as possible within ten seconds.
   * Rejects with `Unavailable` if the service can't be reached.
   */
  returnResults(): Promise<ReturnedResults>
  /**
   * Moves the messages of an invocation out of their bulk queue, in which messages of users with many open requests
   * wait, to the worker's queue. Rejects with `Unavailable` if the broker can't be reached until `giveUpAt` (epoch
   * milliseconds).
   */
  moveBulk(event: unknown, giveUpAt: number): Promise<void>
  readonly logger: Pick<Logger, 'warn' | 'error'>
}
