import type { Logger } from '@aws-lambda-powertools/logger'
import type { Metrics } from '@aws-lambda-powertools/metrics'
import { isTerminal } from '../domain/item.ts'
import type { Clock, Sleep } from '../platform/clock.ts'
import type { Ids } from '../platform/ids.ts'
import { Unavailable } from '../platform/unavailable.ts'
import type { WaitLease, WaitLeases, WaitLimits } from '../stores/waits/port.ts'
import { type RequestView, type ViewPorts, viewRequest } from './view-request.ts'

/** The longest that an answer waits, in seconds: API Gateway gives up at 30. */
export const MAX_WAIT_SECONDS = 25

/** Waits below this need no lease: they hold an environment for hardly longer than the four writes of a lease take. */
const LEASED_MS = 2_000

/** How long a lease outlives its wait, for clocks that differ and for the last look. */
const LEASE_MARGIN_MS = 5_000

/**
 * Between two looks, in milliseconds: soon at first, since many models are quick, then ever slower. A wait of 25 s looks 20
 * times, and is told of an end that came late in it a second late on average.
 */
const FIRST_PAUSE = 100
const LONGEST_PAUSE = 2_000
const SLOWER_BY = 1.5

export interface WaitPorts extends ViewPorts {
  readonly waiting: { readonly leases: WaitLeases; readonly limits: WaitLimits }
  readonly ids: Pick<Ids, 'nonce'>
  readonly clock: Clock
  readonly sleep: Sleep
  readonly logger: Pick<Logger, 'warn'>
  readonly metrics: Pick<Metrics, 'addMetric'>
}

export interface Patience {
  readonly ms: number
  /** Whether it waits, too, if another call waits for the same request already. */
  readonly beside_others: boolean
}

/**
 * The request as it is when it has ended, or when `ms` have passed; as it is now where too many calls wait already. Throws
 * `RequestError`, and `Unavailable`.
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
  const lease = await leaseOf(ports, userId, requestId, beside_others, until + LEASE_MARGIN_MS)
  if (!lease) return first
  try {
    return await lookUntil(ports, userId, requestId, until)
  } finally {
    await giveBack(ports, lease, requestId)
  }
}

/** Looks again and again, beginning with a pause, until the request has ended or the time is over. */
async function lookUntil(ports: WaitPorts, userId: string, requestId: string, until: number): Promise<RequestView> {
  for (let pause = FIRST_PAUSE; ; pause = Math.min(pause * SLOWER_BY, LONGEST_PAUSE)) {
    await ports.sleep(Math.max(0, Math.min(pause, until - ports.clock())))
    const view = await viewRequest(ports, userId, requestId)
    if (isTerminal(view.status) || ports.clock() >= until) return view
  }
}

/** Waiting is a courtesy: without certainty of a lease there is none, and no error either. */
async function leaseOf(
  { waiting, ids, clock, logger, metrics }: WaitPorts,
  user_id: string,
  request_id: string,
  beside_others: boolean,
  until: number,
): Promise<WaitLease | undefined> {
  try {
    const wait = { user_id, request_id, nonce: ids.nonce(), until, beside_others }
    const lease = await waiting.leases.acquire(wait, waiting.limits, clock())
    if (!lease) metrics.addMetric('RefusedWaits', 'Count', 1)
    return lease
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    logger.warn('a wait is answered at once: its lease could not be taken', { request_id, error })
    return undefined
  }
}

/** One that can't be given back ends by itself. */
async function giveBack({ waiting, logger }: WaitPorts, lease: WaitLease, request_id: string): Promise<void> {
  try {
    await waiting.leases.release(lease)
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    logger.warn('the lease of a wait could not be given back: it ends by itself', { request_id, error })
  }
}
