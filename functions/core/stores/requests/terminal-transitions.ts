import { toStoredEnd } from '../../domain/ended-note.ts'
import type { Failure, RequestItem, Status } from '../../domain/item.ts'
import type { Decision } from './port.ts'
import { type ItemTable, itemAfter, transition } from './table.ts'

/** Ends a queued item without an outcome. If a call has reached the model, the charge is one request and no tokens. */
export async function endQueued(
  table: ItemTable,
  seen: RequestItem,
  now: number,
  status: 'expired' | 'cancelled',
): Promise<RequestItem | undefined> {
  const isQueuedAsSeen = '#status = :queued AND #run = :run AND attempt = :attempt'
  const deadlinePassed = 'deadline <= :now'
  const reached = seen.reached === true
  const written = await transition(table, {
    of: seen,
    update: `SET #status = :status, completed_at = :now${reached ? ', charge = :charge' : ''} REMOVE not_before`,
    condition: status === 'expired' ? [isQueuedAsSeen, deadlinePassed] : [isQueuedAsSeen],
    values: {
      ':queued': 'queued',
      ':status': status,
      ':run': seen.run,
      ':attempt': seen.attempt,
      ':now': now,
      ...(reached ? { ':charge': 0 } : {}),
    },
  })
  const item = itemAfter(written)
  return item?.status === status && item.run === seen.run ? item : undefined
}

export async function cancel(table: ItemTable, seen: RequestItem, now: number): Promise<RequestItem | undefined> {
  if (seen.status === 'queued') return endQueued(table, seen, now, 'cancelled')
  const written = await transition(table, {
    of: seen,
    update: 'SET cancel_requested = :true',
    condition: ['#status = :running', '#run = :run'],
    values: { ':running': 'running', ':run': seen.run, ':true': true },
  })
  return written.written ? itemAfter(written) : undefined
}

export async function giveUp(
  table: ItemTable,
  seen: RequestItem,
  error: Failure,
  now: number,
): Promise<RequestItem | undefined> {
  const isAsSeen = '#status = :seen AND #run = :run AND attempt = :attempt'
  const hasNoWorker =
    seen.status === 'running' ? 'lease_until <= :now' : '(attribute_not_exists(not_before) OR not_before <= :now)'
  const cancelled = seen.cancel_requested === true
  const wish = cancelled ? 'attribute_exists(cancel_requested)' : 'attribute_not_exists(cancel_requested)'
  const status: Status = cancelled ? 'cancelled' : 'failed'
  // It is not known whether the worker that is gone had called the model. So a running request is charged one request.
  const reached = seen.status === 'running' || seen.reached === true
  const changes = [
    '#status = :status',
    'completed_at = :now',
    ...(cancelled ? [] : ['#error = :error']),
    ...(reached ? ['charge = :charge'] : []),
  ]
  const written = await transition(table, {
    of: seen,
    update: `SET ${changes.join(', ')} REMOVE not_before, lease_until, claim_id`,
    condition: [isAsSeen, hasNoWorker, wish],
    names: cancelled ? {} : { '#error': 'error' },
    values: {
      ':seen': seen.status,
      ':status': status,
      ':run': seen.run,
      ':attempt': seen.attempt,
      ':now': now,
      ...(cancelled ? {} : { ':error': error }),
      ...(reached ? { ':charge': 0 } : {}),
    },
  })
  const item = itemAfter(written)
  return item?.status === status && item.run === seen.run && item.attempt === seen.attempt ? item : undefined
}

/**
 * Writes the outcome of the attempt that holds the claim. If the request's owner has asked to cancel it, the item
 * becomes cancelled instead.
 */
export async function decide(table: ItemTable, d: Decision): Promise<RequestItem | undefined> {
  const decided = await decideAs(table, d, 'attribute_not_exists(cancel_requested)')
  const wasCancelled = decided?.status === 'running' && decided.cancel_requested && isOf(decided, d)
  const item = wasCancelled
    ? await decideAs(table, { ...d, status: 'cancelled', error: undefined }, 'attribute_exists(cancel_requested)')
    : decided
  const saysSo = item?.status === d.status || (item?.status === 'cancelled' && item.cancel_requested === true)
  return item && saysSo && isOf(item, d) ? item : undefined
}

const isOf = (item: RequestItem, d: Decision): boolean => item.run === d.run && item.attempt === d.attempt

/**
 * Writes an outcome, if the item accepts it. Returns the item after the write. The caller must check whether the item
 * has this outcome: the outcome may have been decided now, earlier, or not at all.
 */
async function decideAs(
  table: ItemTable,
  d: Omit<Decision, 'status'> & { readonly status: Status },
  wish: string,
): Promise<RequestItem | undefined> {
  const isRunning = '#status = :running'
  const holdsTheClaim = '#run = :run AND attempt = :attempt'
  const { fields, note } = toStoredEnd(d)
  const optional = { ...fields, charge: d.charge, cost: d.cost, claim_id: note }
  const sets = Object.entries(optional).filter(([, value]) => value !== undefined)
  const changes = ['#status = :status', 'completed_at = :completed', ...sets.map(([name]) => `#${name} = :${name}`)]
  const written = await transition(table, {
    of: d,
    update: `SET ${changes.join(', ')} REMOVE lease_until${note === undefined ? ', claim_id' : ''}`,
    condition: [isRunning, holdsTheClaim, wish],
    names: Object.fromEntries(sets.map(([name]) => [`#${name}`, name])),
    values: {
      ':running': 'running',
      ':status': d.status,
      ':run': d.run,
      ':attempt': d.attempt,
      ':completed': d.completed_at,
      ...Object.fromEntries(sets.map(([name, value]) => [`:${name}`, value])),
    },
  })
  return itemAfter(written)
}
