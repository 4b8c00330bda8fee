import type { EarlierCharge, RequestItem } from '../../domain/item.ts'
import type { Redrive } from './port.ts'
import { type ItemTable, itemAfter, transition } from './table.ts'

export async function redrive(
  table: ItemTable,
  seen: RequestItem,
  { reservation, deadline }: Redrive,
): Promise<RequestItem | undefined> {
  const hasFailedAsSeen = '#status = :failed AND #run = :seen'
  const isNextRun = 'next_run = :run'
  const isNotErased = 'attribute_not_exists(erased)'
  const { run, window, shard, nonce, estimate, holds_request } = reservation
  const written = await transition(table, {
    of: seen,
    update: [
      'SET #status = :queued, #run = :run, next_run = :next, attempt = :none, crashes = :none, #window = :window,',
      '#shard = :shard, nonce = :nonce, estimate = :estimate, holds_request = :holds, deadline = :deadline, earlier = :earlier',
      'REMOVE #error, #usage, charge, cost, started_at, completed_at, not_before, lease_until, claim_id, cancel_requested, reached',
    ].join(' '),
    condition: [hasFailedAsSeen, isNextRun, isNotErased],
    names: {
      '#window': 'window',
      '#shard': 'shard',
      '#error': 'error',
      '#usage': 'usage',
    },
    values: {
      ':failed': 'failed',
      ':queued': 'queued',
      ':seen': seen.run,
      ':run': run,
      ':next': run + 1,
      ':none': 0,
      ':window': window,
      ':shard': shard,
      ':nonce': nonce,
      ':estimate': estimate,
      ':holds': holds_request,
      ':deadline': deadline,
      ':earlier': [...(seen.earlier ?? []), ...chargeOf(seen)],
    },
  })
  const item = itemAfter(written)
  return item?.run === run && item.nonce === nonce ? item : undefined
}

const chargeOf = ({ window, shard, charge, cost, holds_request }: RequestItem): EarlierCharge[] =>
  charge === undefined
    ? []
    : [{ window, shard, tokens: charge, request: holds_request, ...(cost !== undefined && { cost }) }]

export async function retireRunNumber(table: ItemTable, seen: RequestItem, run: number): Promise<boolean> {
  const written = await transition(table, {
    of: seen,
    update: 'SET next_run = :next',
    condition: ['#status = :failed AND #run = :seen', 'next_run <= :run'],
    values: { ':failed': 'failed', ':seen': seen.run, ':run': run, ':next': run + 1 },
  })
  const item = itemAfter(written)
  return item !== undefined && item.run !== run && item.next_run > run
}
