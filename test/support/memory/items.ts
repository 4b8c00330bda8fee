import { crashesOf, isClaimedAlone, STOPPED } from '../../../functions/core/domain/claim.ts'
import { isTerminal, type RequestItem } from '../../../functions/core/domain/item.ts'
import type { Claim, ClaimTerms, RequestItems } from '../../../functions/core/stores/requests/port.ts'

type KeyOf = Pick<RequestItem, 'user_id' | 'request_id'>
type Stored = RequestItem & { claim_id?: string | undefined }

const keyOf = ({ user_id, request_id }: KeyOf) => `${user_id} ${request_id}`
/** A copy of an item without undefined fields, in the form in which a store returns it. */
const shown = ({ claim_id, ...item }: Stored): RequestItem => {
  const alone = (claim_id !== undefined && isClaimedAlone(claim_id)) || undefined
  return JSON.parse(JSON.stringify({ ...item, alone, stopped: claim_id === STOPPED || undefined }))
}

/** Keeps request items in memory. It passes the same contract as the store in DynamoDB. */
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
      sent: undefined,
      attempt: item.attempt + 1,
      crashes,
      lease_until: terms.lease_until,
      started_at: item.started_at ?? terms.now,
      not_before: undefined,
      claim_id: terms.claim_id,
    }),
  })
  /** The answer to a claim that can't be made: the claim is granted if an earlier call with the same claim id has made it. */
  const asItIs = (item: Stored | undefined, terms: ClaimTerms): Claim =>
    ({
      claimed: item?.status === 'running' && item.claim_id === terms.claim_id,
      item: item && shown(item),
    }) as Claim

  const endQueued = (item: Stored, seen: RequestItem, now: number, status: 'expired' | 'cancelled') => {
    if (item.status === status && item.run === seen.run) return shown(item)
    if (item.status !== 'queued' || item.run !== seen.run || item.attempt !== seen.attempt) return undefined
    return store({ ...ended(item, now), status, charge: item.reached ? 0 : undefined })
  }

  const get = async (userId: string, requestId: string) => {
    const item = find({ user_id: userId, request_id: requestId })
    return item && shown(item)
  }

  return {
    get,
    getPossiblyStale: get,
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
      return isAbandoned ? start({ ...item, reached: true }, terms, crashesOf(shown(item))) : asItIs(item, terms)
    },
    endLease: async (seen, now) => {
      const item = find(seen)
      const isHeld =
        item?.status === 'running' &&
        item.run === seen.run &&
        item.attempt === seen.attempt &&
        (item.lease_until ?? 0) > now
      if (isHeld) store({ ...item, lease_until: now })
      return isHeld
    },
    noteStop: async (seen, now) => {
      const item = find(seen)
      const isHeld =
        item?.status === 'running' &&
        item.run === seen.run &&
        item.attempt === seen.attempt &&
        item.claim_id !== STOPPED
      if (isHeld) store({ ...item, lease_until: now, claim_id: STOPPED })
      return isHeld
    },
    noteSent: async seen => {
      const item = find(seen)
      if (item?.status === 'queued' && item.run === seen.run) store({ ...item, sent: item.run })
    },
    requeue: async (claimed, { claim_id, not_before, attempt, reached }) => {
      const item = find(claimed)
      if (item?.run !== claimed.run) return 'lost'
      if (item.status === 'queued' && item.attempt === attempt && item.not_before === not_before) return 'queued'
      const isOurs = item.status === 'running' && item.attempt === claimed.attempt && item.claim_id === claim_id
      if (!isOurs) return 'lost'
      if (item.cancel_requested) return 'cancel requested'
      const { lease_until: _l, claim_id: _c, started_at, ...rest } = item
      store({
        ...rest,
        status: 'queued',
        attempt,
        not_before,
        reached: reached || item.reached,
        started_at: attempt > 0 ? started_at : undefined,
      })
      return 'queued'
    },
    expire: async (seen, now) => {
      const item = find(seen)
      return item && (item.status === 'expired' || item.deadline <= now)
        ? endQueued(item, seen, now, 'expired')
        : undefined
    },
    cancel: async (seen, now) => {
      const item = find(seen)
      if (item?.run !== seen.run) return undefined
      if (seen.status === 'queued') return endQueued(item, seen, now, 'cancelled')
      return item.status === 'running' ? store({ ...item, cancel_requested: true }) : undefined
    },
    giveUp: async (seen, error, now) => {
      const item = find(seen)
      if (!item || item.run !== seen.run || item.attempt !== seen.attempt) return undefined
      const status = seen.cancel_requested ? 'cancelled' : 'failed'
      if (item.status === status) return shown(item)
      const isBusy = (item.status === 'running' ? item.lease_until : item.not_before) ?? 0
      if (item.status !== seen.status || isBusy > now || item.cancel_requested !== seen.cancel_requested)
        return undefined
      const charge = item.status === 'running' || item.reached ? 0 : undefined
      return store({
        ...ended(item, now),
        status,
        charge,
        error: status === 'failed' ? error : undefined,
      })
    },
    erase: async seen => {
      const item = find(seen)
      if (item && !isTerminal(item.status) && !item.cancel_requested) return false
      if (item) store({ ...item, erased: true })
      return true
    },
    redrive: async (seen, { reservation, deadline }) => {
      const item = find(seen)
      if (item?.run === reservation.run && item.nonce === reservation.nonce) return shown(item)
      if (item?.status !== 'failed' || item.run !== seen.run || item.next_run !== reservation.run || item.erased)
        return undefined
      const { window, shard, charge, cost, holds_request } = item
      const costs = cost === undefined ? {} : { cost }
      const earlier = charge === undefined ? [] : [{ window, shard, tokens: charge, request: holds_request, ...costs }]
      const {
        usage: _u,
        error: _e,
        charge: _c,
        cost: _k,
        started_at: _s,
        completed_at: _d,
        cancel_requested: _r,
        reached: _h,
        ...rest
      } = item
      return store({
        ...rest,
        ...reservation,
        deadline,
        status: 'queued',
        next_run: reservation.run + 1,
        attempt: 0,
        crashes: 0,
        earlier: [...(item.earlier ?? []), ...earlier],
      })
    },
    retireRunNumber: async (seen, run) => {
      const item = find(seen)
      if (!item) return false
      if (item.status === 'failed' && item.run === seen.run && item.next_run <= run)
        store({ ...item, next_run: run + 1 })
      const now = find(seen)
      return now !== undefined && now.run !== run && now.next_run > run
    },
    list: async (userId, limit, before = '~') => {
      const own = [...items.values()].filter(item => item.user_id === userId && item.request_id < before)
      const page = own.sort((a, b) => (a.request_id < b.request_id ? 1 : -1)).slice(0, limit)
      return { items: page.map(shown), last: page.length < own.length ? page.at(-1)?.request_id : undefined }
    },
    decide: async ({ status, completed_at, usage, error, charge, cost, ...of }) => {
      const item = find(of)
      if (!item || item.run !== of.run || item.attempt !== of.attempt) return undefined
      if (item.status !== 'running')
        return item.status === status || (item.status === 'cancelled' && item.cancel_requested)
          ? shown(item)
          : undefined
      return store({
        ...ended(item, completed_at),
        status: item.cancel_requested ? 'cancelled' : status,
        usage,
        charge,
        cost,
        error: item.cancel_requested ? undefined : error,
      })
    },
  }
}

const ended = (item: Stored, now: number): Stored => ({
  ...item,
  completed_at: now,
  not_before: undefined,
  lease_until: undefined,
  claim_id: undefined,
})
