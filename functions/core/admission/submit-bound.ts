import type { Submission } from '../domain/submission.ts'
import { Unavailable } from '../platform/unavailable.ts'
import { type Accepted, acceptAgain } from './accept.ts'
import type { AdmissionPorts } from './ports.ts'

/**
 * The most rounds of reading a key before its client must try again. The request of a key is rarely withdrawn twice.
 */
const ROUNDS = 5

/** The meaning of a key: a request, or a final answer. */
export type Bound<Final> = { readonly request_id: string } | { readonly final: Final }

/** A key that is bound to one request of its user at a time. Every try with the key tries to admit this request. */
export interface BoundKey<Final> {
  readonly user_id: string
  readonly submission: Submission
  /**
   * Binds the key to a request, unless it is bound already. Like each method here, it returns the request or the answer
   * to which the key is then bound.
   */
  bind(requestId: string): Promise<Bound<Final>>
  /** Binds a key that is still bound to `from` to another request. */
  rebind(from: string, requestId: string): Promise<Bound<Final>>
  /** Admits the request that the key is bound to. Returns undefined if the request turns out to be withdrawn. */
  admit(requestId: string): Promise<Accepted | Bound<Final> | undefined>
}

/**
 * Submits under a key. All tries with the key make one request, which is charged once (I5), wherever an earlier try
 * stopped. If the key is already bound, this try takes its request, and finishes the steps that an earlier try has not
 * done. If the request was withdrawn, the key is bound to another one (rule 7). `first` is the id of a new request. If
 * it rejects with `Unavailable`, nothing is withdrawn, because the next try continues where this one stopped.
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
