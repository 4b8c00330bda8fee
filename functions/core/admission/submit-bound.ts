import type { Submission } from '../domain/submission.ts'
import { Unavailable } from '../platform/unavailable.ts'
import { type Accepted, acceptAgain } from './accept.ts'
import type { AdmissionPorts } from './ports.ts'

/**
 * The most requests to which one call binds its key before the call fails and the client must try again. Another round
 * is needed only if the key's request was withdrawn, which rarely happens twice.
 */
const ROUNDS = 5

/** The thing that a key stands for: a request, or a final answer. */
export type Bound<Final> = { readonly request_id: string } | { readonly final: Final }

/**
 * A key that is bound to one request of its user at a time: an idempotency key of a client, or the id of a message of
 * an input queue. Every try with the key tries to admit this request.
 */
export interface BoundKey<Final> {
  readonly user_id: string
  readonly submission: Submission
  /**
   * Binds the key to a request, unless the key is bound already. `bind` and `rebind` return the request or the answer
   * to which the key is bound afterwards.
   */
  bind(requestId: string): Promise<Bound<Final>>
  /** Binds the key to another request, if it is still bound to the request `from`. */
  rebind(from: string, requestId: string): Promise<Bound<Final>>
  /**
   * Admits the request that the key is bound to. Returns undefined if the request was withdrawn. Returns a `Bound` if
   * the key is now bound to something else.
   */
  admit(requestId: string): Promise<Accepted | Bound<Final> | undefined>
}

/**
 * Submits a request under a key. All tries with the key make one request, which is charged once (I5), even if an
 * earlier try stopped halfway. If the key is already bound, this try takes the key's request, and finishes the steps
 * that an earlier try has not done. If that request was withdrawn, i.e. if its item is a tombstone, the key is bound to
 * another request (rule 7). `first` is the id of a new request. If this function rejects with `Unavailable`, nothing is
 * withdrawn, because the next try continues at the step at which this try stopped.
 */
export async function submitBound<Final = never>(
  ports: AdmissionPorts,
  key: BoundKey<Final>,
  first: string,
): Promise<Accepted | Final> {
  let bound = await key.bind(first)
  for (let round = 0; round < ROUNDS; round++) {
    if ('final' in bound) return bound.final
    const { request_id } = bound
    const isNew = round === 0 && request_id === first
    const item = isNew ? undefined : await ports.items.get(key.user_id, request_id)
    if (item && item.status !== 'rejected') return acceptAgain(ports, item, key.submission)
    const tried = item ? undefined : await key.admit(request_id)
    if (tried && 'item' in tried) return tried
    bound = tried ?? (await key.rebind(request_id, ports.ids.request(ports.clock())))
  }
  throw new Unavailable('the request of a key', new Error('its request was taken back, or is being admitted'))
}
