import type { RequestItem } from '../core/domain/item.ts'
import { isTerminal } from '../core/domain/item.ts'
import { ownItem } from '../core/lifecycle/view-request.ts'
import { ignoreUnavailable, Unavailable } from '../core/platform/unavailable.ts'
import { bodyKey, resultKey } from '../core/stores/payloads/names.ts'
import { cancelRequest } from './cancel-request.ts'
import type { ReaderPorts } from './ports.ts'

/**
 * The most tries to erase a request. A further round is needed only after a redrive of the request, which an operator
 * starts by hand.
 */
const ROUNDS = 5

/**
 * Cancels a request of the caller, and erases its prompt and its result. After that, the API answers the owner that
 * there is no such request. The item is marked as erased in the last step. Until then the request can be found, so a
 * client can repeat an interrupted call, which then continues. The ledger's row is also marked, so later events do not
 * bring the prompt or the result back. If an operator redrives the request meanwhile, the request is cancelled again.
 * So a marked request never runs. Throws `RequestError` for a call that is refused, and `Unavailable` if a service can't be reached.
 */
export async function eraseRequest(ports: ReaderPorts, userId: string, requestId: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const seen = await ownItem(ports, userId, requestId)
    const item = isTerminal(seen.status) ? seen : await cancelled(ports, userId, requestId)
    await ports.ledger.erase(item, ports.clock())
    await deletePayloads(ports, item)
    if (await ports.items.erase(item)) return
  }
  throw new Unavailable('the request', new Error('it keeps changing'))
}

async function cancelled(ports: ReaderPorts, userId: string, requestId: string): Promise<RequestItem> {
  await cancelRequest(ports, userId, requestId)
  return ownItem(ports, userId, requestId)
}

/**
 * Deletes the body and the result of a request that has ended. A request that still runs needs its body. When such a
 * cancelled request ends, the collector deletes the body and the result. If the payload store is unavailable, the
 * bucket's lifecycle rule deletes them later. Until then, no caller can read them.
 */
async function deletePayloads({ payloads }: ReaderPorts, item: RequestItem): Promise<void> {
  if (!isTerminal(item.status)) return
  await Promise.all([bodyKey(item), resultKey(item)].map(key => payloads.delete(key).catch(ignoreUnavailable)))
}
