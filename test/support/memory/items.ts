import type { Claim, ClaimTerms, RequestItems } from '../../../functions/items/port.ts'
import type { RequestItem } from '../../../functions/requests/item.ts'

type KeyOf = Pick<RequestItem, 'user_id' | 'request_id'>
type Stored = RequestItem & { claim_id?: string | undefined }

const keyOf = ({ user_id, request_id }: KeyOf) => `${user_id} ${request_id}`
/** A copy, as a store would give it: without what is undefined. */
const shown = ({ claim_id: _, ...item }: Stored): RequestItem => JSON.parse(JSON.stringify(item))

/** Request items in memory: they pass the same contract as the real ones. */
export function memoryItems(): RequestItems {
  const items = new Map<string, Stored>()
  const find = (of: KeyOf) => items.get(keyOf(of))
  const store = (item: Stored): RequestItem => {
    items.set(keyOf(item), item)
    return shown(item)
  }
  const start = (item: Stored, terms: ClaimTerms, crashes: number): Claim => ({
    claimed: true,
    item: store({
      ...item,
      status: 'running',
      attempt: item.attempt + 1,
      crashes,
      lease_until: terms.lease_until,
      started_at: item.started_at ?? terms.now,
      not_before: undefined,
      claim_id: terms.claim_id,
    }),
  })
  /** A claim that was made already, by a try whose answer was lost; else no claim. */
  const asItIs = (item: Stored | undefined, terms: ClaimTerms): Claim =>
    ({
      claimed: item?.status === 'running' && item.claim_id === terms.claim_id,
      item: item && shown(item),
    }) as Claim

  return {
    get: async (user_id, request_id) => {
      const item = find({ user_id, request_id })
      return item && shown(item)
    },
    create: async item => shown(find(item) ?? store(item)),
    reject: async tombstone => {
      const item = find(tombstone)
      const isUntouched = item?.status === 'queued' && item.run === tombstone.run && item.attempt === 0
      return item && !isUntouched ? shown(item) : store(tombstone)
    },
    claim: async (message, terms) => {
      const item = find(message)
      const isClaimable =
        item?.status === 'queued' &&
        item.run === message.run &&
        item.fingerprint === message.fingerprint &&
        (item.not_before ?? 0) <= terms.now &&
        item.deadline > terms.now
      return isClaimable ? start(item, terms, item.crashes) : asItIs(item, terms)
    },
    reclaim: async (seen, terms) => {
      const item = find(seen)
      const isAbandoned =
        item?.status === 'running' &&
        item.run === seen.run &&
        item.attempt === seen.attempt &&
        (item.lease_until ?? Number.POSITIVE_INFINITY) <= terms.now
      return isAbandoned ? start(item, terms, item.crashes + 1) : asItIs(item, terms)
    },
    expire: async (seen, now) => {
      const item = find(seen)
      if (item?.status === 'expired' && item.run === seen.run) return shown(item)
      const isAsSeen = item?.status === 'queued' && item.run === seen.run && item.attempt === seen.attempt
      if (!isAsSeen || item.deadline > now) return undefined
      const charge = item.attempt > 0 ? 0 : undefined
      return store({ ...item, status: 'expired', completed_at: now, charge, not_before: undefined })
    },
    decide: async ({ status, completed_at, usage, error, charge, ...of }) => {
      const item = find(of)
      if (!item || item.run !== of.run || item.attempt !== of.attempt) return undefined
      if (item.status === 'running')
        return store({
          ...item,
          status,
          completed_at,
          usage,
          error,
          charge,
          lease_until: undefined,
          claim_id: undefined,
        })
      return item.status === status ? shown(item) : undefined
    },
  }
}
