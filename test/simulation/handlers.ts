import type { Logger } from '@aws-lambda-powertools/logger'
import { takeResults as collectorTakeResults } from '../../functions/collector/take-results.ts'
import { Unavailable } from '../../functions/core/platform/unavailable.ts'
import type { TakeBatch } from '../../functions/core/queue/port.ts'
import { moveBulk } from '../../functions/core/queue/rabbitmq/move-bulk.ts'
import { takeInputs as intakeTakeInputs } from '../../functions/intake/take-inputs.ts'
import { processMessages as workerProcessMessages } from '../../functions/worker/process-messages.ts'
import { type Ports, silent } from './compose.ts'
import type { Invocation } from './invocation.ts'

/** Is called with each error that a function logs without failing. */
export type OnError = (error: unknown) => void

/** Handles the event of an invocation. Resolves to the answer of the function. Rejects if the function fails. */
export type Handle = (ports: Ports, by: Invocation, event: unknown, onError: OnError) => Promise<unknown>

/** Makes the handler of a function that takes batches of messages. It runs the function's own loop over the batch, as on Lambda. */
const running =
  (takeBatch: TakeBatch<Ports>): Handle =>
  async (ports, by, event, onError) => {
    const logged = { ...ports, logger: { ...silent, error: reporting(onError) } as unknown as Ports['logger'] }
    const outcome = await takeBatch(logged, ports.receiver.deliveries(event), { ends_at: by.deadline })
    return ports.receiver.response(outcome, event)
  }

export const processMessages = running(workerProcessMessages)
export const takeResults = running(collectorTakeResults)
export const takeInputs = running(intakeTakeInputs)

/**
 * The mover, i.e. the function that empties bulk queues, starts no move in the last 20 seconds before its timeout. So each move can finish. A move
 * that the timeout ends could leave a message both in the bulk queue and in the worker's queue.
 */
const MOVE_MS = 20_000

/** The longest time of a call to a model in milliseconds. */
const LONGEST_CALL_MS = 60_000

/** Moves messages out of a bulk queue of RabbitMQ, as the mover function does. */
export const moveMessages: Handle = ({ mover, clock, sleep }, by, event) => {
  if (!mover) throw new Error('only RabbitMQ has bulk queues')
  return moveBulk({ ...mover, longestCall: () => LONGEST_CALL_MS, clock, sleep }, event, by.deadline - MOVE_MS)
}

/** Makes a log function that passes the error of each log line to `onError`. The error is the field `error`, or takes the place of the fields. */
function reporting(onError: OnError): Logger['error'] {
  return (_, ...[detail]) => {
    if (detail instanceof Error) onError(detail)
    else if (typeof detail === 'object' && 'error' in detail) onError(detail.error)
  }
}

const EXPECTED = [/^it keeps changing/, /^it was given up meanwhile/, /^its request was taken back/, /^gave up after/]

/** The error that the test of defects throws. */
export class PlantedDefect extends TypeError {}

/** Returns true if an outage or a race may cause the error, or if a test has planted it. Any other error is a bug of Sluice. */
export function isExpected(error: unknown): boolean {
  if (error instanceof PlantedDefect) return true
  if (!(error instanceof Unavailable)) return false
  const { cause } = error
  if (!(cause instanceof Error)) return false
  return cause.name === 'ServiceFault' || EXPECTED.some(pattern => pattern.test(cause.message)) || isExpected(cause)
}
