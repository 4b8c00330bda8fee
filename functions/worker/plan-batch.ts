import type { Hints } from '../core/domain/messages.ts'
import type { Job, Planned, Received } from './types.ts'

/**
 * Plans one call per message or, with batches, one call for as many messages as fit into it. If a worker has crashed
 * earlier while it ran some of these requests, each of these requests gets its own call, one after the other. All other
 * messages are sent again, so that a further crash can't affect them. If other invocations share the environment (a
 * process of Lambda), a request is not isolated just because it is alone in its invocation, because a request of
 * another invocation may crash the environment.
 */
export function planBatch(received: readonly Received[], batched: boolean, isShared = false): Job[] {
  const reports = received.flatMap(({ delivery, message }): Job[] =>
    message ? [] : [{ act: 'report unreadable', delivery }],
  )
  const requests = received.flatMap(({ delivery, message }): Planned[] =>
    message ? [{ delivery, message, isolated: received.length === 1 && !isShared }] : [],
  )
  const dangerous = requests.filter(({ message }) => message.hints?.alone)
  if (dangerous.length === 0)
    return [...reports, ...callsOf(requests, batched).map((call): Job => ({ act: 'call', requests: call }))]
  const others = requests.filter(request => !dangerous.includes(request))
  return [
    ...reports,
    ...others.map(({ delivery, message }): Job => ({ act: 'resend', delivery, message })),
    ...dangerous.map((request): Job => ({ act: 'call', requests: [{ ...request, isolated: true }] })),
  ]
}

function callsOf(requests: readonly Planned[], batched: boolean): Planned[][] {
  if (!batched) return requests.map(request => [request])
  const bySize = Map.groupBy(requests, ({ message }) => message.hints?.at_most ?? requests.length)
  return [...bySize].flatMap(([size, batch]) => splitBatch(batch, size))
}

/**
 * The most requests with a body in the payload store in one call. A stored body may have 4 MB, and a worker holds
 * several copies of it until the call is made. Without this limit, a batch could use up the worker's memory. Bodies in
 * messages need no limit: Lambda hands over at most 6 MB of messages.
 */
export const MAX_STORED_BODIES = 10

function splitBatch(batch: readonly Planned[], size: number): Planned[][] {
  const calls: Planned[][] = []
  for (const request of batch) {
    const last = calls.at(-1)
    if (last && hasRoom(last, request, size)) last.push(request)
    else calls.push([request])
  }
  return calls
}

const hasRoom = (call: readonly Planned[], request: Planned, size: number): boolean =>
  call.length < size && !(hasStoredBody(request) && call.filter(hasStoredBody).length >= MAX_STORED_BODIES)

const hasStoredBody = ({ message }: Planned): boolean => 'key' in message.body

/** After the batch of a request has failed, its next batch is smaller by this factor. */
const SHRINK_FACTOR = 4

/**
 * Returns the hints for a request whose batch may have been too large. The hint `at_most` limits the number of requests
 * in its next batch.
 */
export const inSmallerBatch = (batchSize: number): Hints =>
  batchSize > 1 ? { at_most: Math.ceil(batchSize / SHRINK_FACTOR) } : {}
