import { isTerminal, type RequestItem } from '../core/domain/item.ts'
import { finalizeRequest } from '../core/lifecycle/finalize-request.ts'
import { ownItem, type RequestView, toView, viewRequest } from '../core/lifecycle/view-request.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import type { ReaderPorts } from './ports.ts'

export interface Cancellation {
  /** False when the request had ended already. */
  readonly cancelled: boolean
  readonly request: RequestView
}

/** Somebody else's transition can come in between, but a request has only a few before it ends. */
const ROUNDS = 10

/**
 * Cancels a request of the caller's: one that is queued ends at once and costs nothing; of one that is running, the
 * outcome will be discarded, and what the model did is charged. Throws `RequestError`, and `Unavailable`.
 */
export async function cancelRequest(ports: ReaderPorts, userId: string, requestId: string): Promise<Cancellation> {
  for (let round = 0; round < ROUNDS; round++) {
    const seen = await ownItem(ports, userId, requestId)
    if (isTerminal(seen.status)) return { cancelled: false, request: await viewRequest(ports, userId, requestId) }
    const item = await ports.items.cancel(seen, ports.clock())
    if (!item) continue
    if (item.status === 'cancelled') await end(ports, item)
    return { cancelled: true, request: toView(item) }
  }
  throw new Unavailable('the request', new Error('it keeps changing'))
}

/** It is cancelled whatever happens now: a reservation that is left open is found by the sweeper. */
async function end(ports: ReaderPorts, item: RequestItem): Promise<void> {
  try {
    await finalizeRequest(ports, item)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
  }
}
