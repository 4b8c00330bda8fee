import { isTerminal, type RequestItem } from '../core/domain/item.ts'
import { finalizeRequest } from '../core/lifecycle/finalize-request.ts'
import { ownItem, type RequestView, toView, viewRequest } from '../core/lifecycle/view-request.ts'
import { goOnAfter, Unavailable } from '../core/platform/unavailable.ts'
import type { ReaderPorts } from './ports.ts'

export interface Cancellation {
  /** False if the request had ended already. */
  readonly cancelled: boolean
  readonly request: RequestView
}

/**
 * The most tries to cancel a request. A try fails only if another transition changes the item meanwhile. A request has
 * only a few transitions before it ends, so this number is enough.
 */
const ROUNDS = 10

/**
 * Cancels a request of the caller. A queued request ends at once. It costs nothing, unless an earlier attempt has
 * reached the model. The outcome of a running request will be discarded, but its tokens are charged (rule 10). Throws
 * `RequestError` for a call that is refused, and `Unavailable` if a service can't be reached.
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

/**
 * Sends the event for the ledger and closes the reservation. If this fails, the request is cancelled nevertheless. The
 * sweeper then finds the open reservation and repeats these steps.
 */
async function end(ports: ReaderPorts, item: RequestItem): Promise<void> {
  try {
    await finalizeRequest(ports, item)
  } catch (error) {
    const { request_id } = item
    goOnAfter(error, ports.logger, 'a cancelled request could not be finalized: the sweeper does it', { request_id })
  }
}
