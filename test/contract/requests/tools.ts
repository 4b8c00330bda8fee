import type { RequestItem, Status } from '../../../functions/core/domain/item.ts'
import type { ClaimTerms, Decision, RequestItems } from '../../../functions/core/stores/requests/port.ts'
import { NOW } from '../../support/clock.ts'
import { anItem } from '../../support/requests.ts'

export const TERMS: ClaimTerms = { claim_id: 'claim-1', now: NOW + 1_000, lease_until: NOW + 61_000 }
export const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }

/** An item in each state. `abandoned` is a running item whose lease has expired, since its worker has crashed. */
export const STATES: readonly { readonly state: string; readonly item: Partial<RequestItem> & { status: Status } }[] = [
  { state: 'queued', item: { status: 'queued' } },
  {
    state: 'queued for a retry',
    item: { status: 'queued', attempt: 1, not_before: NOW, started_at: NOW, reached: true },
  },
  { state: 'running', item: { status: 'running', attempt: 1, started_at: NOW, lease_until: NOW + 60_000 } },
  { state: 'abandoned', item: { status: 'running', attempt: 1, started_at: NOW, lease_until: NOW } },
  { state: 'completed', item: { status: 'completed', attempt: 1, completed_at: NOW, usage: USAGE, charge: 7 } },
  {
    state: 'failed',
    item: { status: 'failed', attempt: 1, completed_at: NOW, charge: 0, error: { code: 'model_error', message: 'm' } },
  },
  { state: 'cancelled', item: { status: 'cancelled', completed_at: NOW } },
  { state: 'expired', item: { status: 'expired', completed_at: NOW } },
  { state: 'rejected', item: { status: 'rejected', completed_at: NOW } },
]
export const statesBut = (...names: string[]) => STATES.filter(({ state }) => !names.includes(state))

/** The functions that the tests of request items share. */
export function itemsTools(items: RequestItems) {
  const given = (fields: Partial<RequestItem> = {}) => items.create(anItem(fields))
  const stored = ({ user_id, request_id }: RequestItem) => items.get(user_id, request_id)
  const decisionOf = (item: RequestItem, fields: Partial<Decision> = {}): Decision => ({
    user_id: item.user_id,
    request_id: item.request_id,
    run: item.run,
    attempt: item.attempt,
    status: 'completed',
    completed_at: NOW + 9_000,
    usage: USAGE,
    charge: 7,
    ...fields,
  })
  return { given, stored, decisionOf }
}
