import type { Logger } from '@aws-lambda-powertools/logger'
import { isTerminal } from '../domain/item.ts'
import type { Clock, Sleep } from '../platform/clock.ts'
import type { Ids } from '../platform/ids.ts'
import type { Meter } from '../platform/metrics/meter.ts'
import { goOnAfter, Unavailable } from '../platform/unavailable.ts'
import type { WaitLease, WaitLeases, WaitLimits } from '../stores/waits/port.ts'
import { type RequestView, type ViewPorts, viewRequest } from './view-request.ts'

/** The longest wait of an answer, in seconds. API Gateway ends a call after 30 seconds. */
export const MAX_WAIT_SECONDS = 25

/**
 * The shortest wait that needs a lease, in milliseconds. A lease needs four writes of DynamoDB. For a shorter wait,
 * these writes would be a large part of the cost of the wait.
 */
const LEASED_MS = 2_000

/**
 * The time from the end of a wait to the end of its lease, in milliseconds. The lease must hold until the wait has
 * certainly ended, but clocks differ and the last read takes time. Otherwise more calls than the limit could wait at
 * the same time.
 */
const LEASE_MARGIN_MS = 5_000

/**
 * The pauses between two reads of the item, in milliseconds. The first pauses are short, because many models are fast.
 * Each pause is longer than the one before, because each read costs money. A wait of 25 s has 20 reads. Near the end of
 * the wait, the pauses are 2 s. So the end of a request is noticed one second late on average.
 */
const FIRST_PAUSE = 100
const LONGEST_PAUSE = 2_000
const SLOWER_BY = 1.5

export interface WaitPorts extends ViewPorts {
  readonly waiting: { readonly leases: WaitLeases; readonly limits: WaitLimits }
  readonly ids: Pick<Ids, 'nonce'>
  readonly clock: Clock
  readonly sleep: Sleep
  readonly logger: Pick<Logger, 'warn' | 'error'>
  readonly metrics: Meter
}

export interface Patience {
  readonly ms: number
  /** Whether this call may wait while another call waits for the same request. */
  readonly beside_others: boolean
}

/**
 * Waits until a request has ended, or until `ms` have passed, and then returns the request. If too many calls already
 * wait, it returns the request at once. Throws `RequestError` for a call that is refused, and `Unavailable` if a service can't be reached.
 */
export async function waitForCompletion(
  ports: WaitPorts,
  userId: string,
  requestId: string,
  { ms, beside_others }: Patience,
): Promise<RequestView> {
  const until = ports.clock() + ms
  const first = await viewRequest(ports, userId, requestId)
  if (isTerminal(first.status) || ms <= 0) return first
  if (ms < LEASED_MS) return lookUntil(ports, userId, requestId, until)
  const lease = await acquireLease(ports, userId, requestId, beside_others, until)
  if (!lease) return first
  try {
    return await lookUntil(ports, userId, requestId, until)
  } finally {
    await releaseLease(ports, lease)
  }
}

/**
 * Pauses and reads the request, until it has ended or the time is over. If a service can't be reached, the wait goes on,
 * because a short outage may end before the wait does. Throws `Unavailable` if the last read of the wait fails.
 */
export async function lookUntil(
  ports: WaitPorts,
  userId: string,
  requestId: string,
  until: number,
): Promise<RequestView> {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * SLOWER_BY, LONGEST_PAUSE)) {
    await ports.sleep(Math.max(0, Math.min(pause, until - ports.clock())))
    try {
      const view = await viewRequest(ports, userId, requestId)
      if (isTerminal(view.status) || ports.clock() >= until) return view
    } catch (error) {
      if (!(error instanceof Unavailable) || ports.clock() >= until) throw error
    }
  }
}

/** Takes a lease for a wait. Returns undefined if there is no lease: then the call does not wait. */
export async function acquireLease(
  { waiting, ids, clock, logger, metrics }: WaitPorts,
  userId: string,
  requestId: string,
  besideOthers: boolean,
  waitsUntil: number,
): Promise<WaitLease | undefined> {
  try {
    const until = waitsUntil + LEASE_MARGIN_MS
    const wait = { user_id: userId, request_id: requestId, nonce: ids.nonce(), until, beside_others: besideOthers }
    const lease = await waiting.leases.acquire(wait, waiting.limits, clock())
    if (!lease) metrics.add('RefusedWaits', 1)
    return lease
  } catch (error) {
    goOnAfter(error, logger, 'a call does not wait: the lease of its wait could not be taken', {
      request_id: requestId,
    })
    return undefined
  }
}

/** Releases a lease. If that fails, the lease ends by itself. */
export async function releaseLease(
  { waiting, logger }: Pick<WaitPorts, 'waiting' | 'logger'>,
  lease: WaitLease,
): Promise<void> {
  try {
    await waiting.leases.release(lease)
  } catch (error) {
    goOnAfter(error, logger, 'the lease of a wait could not be given back: it ends by itself', {
      user_id: lease.user_id,
    })
  }
}
