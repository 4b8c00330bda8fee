import type { Logger } from '@aws-lambda-powertools/logger'
import type { InsistPorts } from '../core/platform/insist.ts'
import type { CountWaiting, MessagesLeft, QueueExists, ReturnedResults, SendInput } from '../core/queue/admin-port.ts'
import type { MessageQueue } from '../core/queue/port.ts'

/** What the stack declares: the properties of its custom resource. */
export interface Declared {
  readonly queues: readonly { readonly name: string; readonly dead_letters?: string | undefined }[]
  /** The input that gets what producers publish to the exchange of the team. */
  readonly requests?: string | undefined
  /** The input that has got them until now, if that is another one. */
  readonly unbind?: string | undefined
}

export interface BrokerPorts extends InsistPorts {
  /** Declares the queues. It may be repeated. Rejects with `Unavailable`, or with a `Defect` that says what is in the way. */
  declare(topology: Declared): Promise<void>
  readonly queue: MessageQueue
  readonly exists: QueueExists
  readonly count: CountWaiting
  readonly sendInput: SendInput
  readonly messagesLeft: MessagesLeft
  /** Finds the queues that the deployment needs and the broker does not have, except those of inputs. Rejects with `Unavailable`. */
  missingQueues(): Promise<string[]>
  /** Sends dead results to their queue again, as many as it can within seconds. Rejects with `Unavailable`. */
  returnResults(): Promise<ReturnedResults>
  /** Moves the messages of an invocation out of their bulk queue. Rejects with `Unavailable` if the broker is away until `giveUpAt`, epoch milliseconds. */
  moveBulk(event: unknown, giveUpAt: number): Promise<void>
  readonly logger: Pick<Logger, 'warn' | 'error'>
}
