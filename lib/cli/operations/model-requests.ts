import { failureSentence, type RequestItem } from '../../../functions/core/domain/item.ts'
import { iso } from '../../../functions/core/platform/clock.ts'
import { Unavailable } from '../../../functions/core/platform/unavailable.ts'
import type { RecordedRequest } from '../../../functions/core/stores/ledger/admin.ts'
import type { Admin } from '../admin.ts'
import { type LastFailureView, lastFailureOf } from './last-failure.ts'

/** The state of a model's requests, from Postgres, the request items and the models table. */
export interface ModelRequests {
  /** The last failed call, or the last request that failed, whichever is newer. */
  readonly last_failure?: LastFailureView | undefined
  /** The requests of the last hour that have ended, and how many of them failed. */
  readonly last_hour?: { readonly ended: number; readonly failed: number } | undefined
  /** The request that has waited longest. */
  readonly oldest_waiting?:
    | { readonly request_id: string; readonly since: string; readonly seconds: number }
    | undefined
}

type Ports = Pick<Admin, 'ledger' | 'failures' | 'clock'>

const HOUR_MS = 3_600_000

/** Counts the requests of the last hour per model. Returns undefined if Postgres can't be reached. */
export async function countEnded(ports: Ports): Promise<ReadonlyMap<string, ModelRequests['last_hour']> | undefined> {
  const counts = await unlessAway(ports.ledger.countSince(ports.clock() - HOUR_MS))
  if (!counts) return undefined
  const sums = new Map<string, { ended: number; failed: number }>()
  for (const { model, status, count } of counts) {
    const sum = sums.get(model) ?? { ended: 0, failed: 0 }
    if (status !== 'queued' && status !== 'running') sum.ended += count
    if (status === 'failed') sum.failed += count
    sums.set(model, sum)
  }
  return sums
}

/**
 * Describes the requests of a model. `open` are the open requests. If Postgres can't be reached, the last failed call
 * is the one in DynamoDB.
 */
export async function requestsOf(
  ports: Ports,
  model: string,
  open: readonly RequestItem[],
): Promise<Omit<ModelRequests, 'last_hour'>> {
  const [noted, [failed] = []] = await Promise.all([
    ports.failures.last(model),
    unlessAway(ports.ledger.list({ model, status: 'failed', limit: 1 })),
  ])
  const failures = [...(noted ? [lastFailureOf(noted)] : []), ...(failed ? failureOf(failed) : [])]
  const [newest] = failures.toSorted((a, b) => Date.parse(b.at) - Date.parse(a.at))
  const oldest = oldestWaiting(open, model, ports.clock())
  return { ...(newest && { last_failure: newest }), ...(oldest && { oldest_waiting: oldest }) }
}

/** Finds the request of a model that has waited longest among the open requests. */
export function oldestWaiting(
  open: readonly RequestItem[],
  model: string,
  now: number,
): ModelRequests['oldest_waiting'] {
  const waiting = open.filter(item => item.model === model && item.status === 'queued')
  const [oldest] = waiting.toSorted((a, b) => a.created_at - b.created_at)
  if (!oldest) return undefined
  const { request_id, created_at } = oldest
  return { request_id, since: iso(created_at), seconds: Math.floor((now - created_at) / 1000) }
}

function failureOf({ request_id, error, completed_at }: RecordedRequest): LastFailureView[] {
  if (!error || completed_at === null) return []
  const { code, status } = error
  const reason = failureSentence(error)
  return [{ at: iso(completed_at), code, ...(status !== undefined && { status }), reason, request_id }]
}

/**
 * Returns the result of a call, or undefined during an outage. So an operator sees the state of the models in DynamoDB
 * also during an outage of Postgres.
 */
async function unlessAway<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call
  } catch (error) {
    if (error instanceof Unavailable) return undefined
    throw error
  }
}
