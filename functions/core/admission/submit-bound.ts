import type { Submission } from '../domain/submission.ts'
import { Unavailable } from '../platform/unavailable.ts'
import { type Accepted, acceptAgain } from './accept.ts'
import type { AdmissionPorts } from './ports.ts'

/** How often a key is looked at before its client has to try again. A key's request is rarely withdrawn twice. */
const ROUNDS = 5

/** What a key stands for: a request, or an answer that is final. */
export type Bound<Final> = { readonly request_id: string } | { readonly final: Final }

/** A key that is bound to one request of its user at a time, which all who come with it try to admit. */
export interface BoundKey<Final> {
  readonly user_id: string
  readonly submission: Submission
  /** Binds the key to a request, unless it is bound already. Returns what it is bound to then, as each method does. */
  bind(requestId: string): Promise<Bound<Final>>
  /** Binds a key that is still bound to `from` to another request. */
  rebind(from: string, requestId: string): Promise<Bound<Final>>
  /** Admits the request that the key is bound to. Returns undefined if the request turns out to be withdrawn. */
  admit(requestId: string): Promise<Accepted | Bound<Final> | undefined>
}

/**
 * Submits under a key: however often that happens, and wherever an earlier try stopped, there is one request, charged once
 * (I5). Whoever finds the key bound takes its request, and finishes what an earlier try has left undone. A key whose request was
 * withdrawn gets another one (rule 7). `first` is the id of a new request. Rejects with `Unavailable`; then nothing is
 * withdrawn, since the next try goes on where this one stopped.
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
