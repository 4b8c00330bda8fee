import { crashesOf, STOPPED } from '../../domain/claim.ts'
import type { RequestItem } from '../../domain/item.ts'
import type { InferenceMessage } from '../../domain/messages.ts'
import type { Attributes, ConditionalWrite } from '../../platform/dynamodb.ts'
import type { Claim, ClaimTerms, Requeue } from './port.ts'
import { type ItemTable, itemAfter, transition } from './table.ts'

const START =
  'SET #status = :running, attempt = attempt + :one, lease_until = :lease, claim_id = :claim, started_at = if_not_exists(started_at, :now)'

const startValues = (terms: ClaimTerms) => ({
  ':running': 'running',
  ':one': 1,
  ':lease': terms.lease_until,
  ':claim': terms.claim_id,
  ':now': terms.now,
})

/**
 * Reads the result of a claim. If the item refuses the claim but already has this claim's id, an earlier try has made
 * the claim and its answer was lost. Then the claim counts as made. Otherwise no worker would run the request until the
 * lease of this claim has expired.
 */
function toClaim(write: ConditionalWrite, terms: ClaimTerms): Claim {
  const item = itemAfter(write)
  const isOurs = write.written || (item?.status === 'running' && write.existing?.claim_id === terms.claim_id)
  return item && isOurs ? { claimed: true, item } : { claimed: false, item }
}

export async function claim(table: ItemTable, message: InferenceMessage, terms: ClaimTerms): Promise<Claim> {
  const isQueued = '#status = :queued'
  const isThisRun = '#run = :run'
  const isThisBody = 'fingerprint = :fingerprint'
  const backoffPassed = '(attribute_not_exists(not_before) OR not_before <= :now)'
  const deadlineAhead = 'deadline > :now'
  const written = await transition(table, {
    of: message,
    update: `${START} REMOVE not_before`,
    condition: [isQueued, isThisRun, isThisBody, backoffPassed, deadlineAhead],
    values: { ...startValues(terms), ':queued': 'queued', ':run': message.run, ':fingerprint': message.fingerprint },
  })
  return toClaim(written, terms)
}

export async function reclaim(table: ItemTable, seen: RequestItem, terms: ClaimTerms): Promise<Claim> {
  const isRunning = '#status = :running'
  const isAsSeen = '#run = :run AND attempt = :attempt'
  const leaseExpired = 'lease_until <= :now'
  const written = await transition(table, {
    of: seen,
    // It is not known whether the worker that is gone had called the model. So the request counts as one that has
    // reached the model: even if it is cancelled or expires now, it is charged one request.
    update: `${START}, crashes = :crashes, reached = :reached`,
    condition: [isRunning, isAsSeen, leaseExpired],
    values: {
      ...startValues(terms),
      ':run': seen.run,
      ':attempt': seen.attempt,
      ':crashes': crashesOf(seen),
      ':reached': true,
    },
  })
  return toClaim(written, terms)
}

export const endLease = (table: ItemTable, seen: RequestItem, now: number): Promise<boolean> => {
  const leaseRuns = 'lease_until > :now'
  return endClaim(table, seen, now, { update: 'SET lease_until = :now', condition: leaseRuns, values: {} })
}

export const noteStop = (table: ItemTable, seen: RequestItem, now: number): Promise<boolean> => {
  const isNotNoted = 'claim_id <> :stopped'
  const update = 'SET lease_until = :now, claim_id = :stopped'
  return endClaim(table, seen, now, { update, condition: isNotNoted, values: { ':stopped': STOPPED } })
}

/** Changes the claim of a running request, if no other worker has taken the request over. */
async function endClaim(
  table: ItemTable,
  seen: RequestItem,
  now: number,
  { update, condition, values }: { update: string; condition: string; values: Attributes },
): Promise<boolean> {
  const isRunning = '#status = :running'
  const isAsSeen = '#run = :run AND attempt = :attempt'
  const { written } = await transition(table, {
    of: seen,
    update,
    condition: [isRunning, isAsSeen, condition],
    values: { ...values, ':running': 'running', ':run': seen.run, ':attempt': seen.attempt, ':now': now },
  })
  return written
}

export async function requeue(
  table: ItemTable,
  claimed: RequestItem,
  { claim_id, not_before, attempt, reached }: Requeue,
): Promise<'queued' | 'cancel requested' | 'lost'> {
  const holdsTheClaim = '#status = :running AND #run = :run AND attempt = :attempt AND claim_id = :claim'
  const isWanted = 'attribute_not_exists(cancel_requested)'
  const hasStarted = attempt > 0
  const written = await transition(table, {
    of: claimed,
    update: [
      `SET #status = :queued, attempt = :left, not_before = :until${reached ? ', reached = :reached' : ''}`,
      `REMOVE lease_until, claim_id${hasStarted ? '' : ', started_at'}`,
    ].join(' '),
    condition: [holdsTheClaim, isWanted],
    values: {
      ':running': 'running',
      ':queued': 'queued',
      ':run': claimed.run,
      ':attempt': claimed.attempt,
      ':claim': claim_id,
      ':left': attempt,
      ':until': not_before,
      ...(reached ? { ':reached': true } : {}),
    },
  })
  const item = itemAfter(written)
  if (item?.run !== claimed.run) return 'lost'
  if (item.status === 'queued' && item.attempt === attempt && item.not_before === not_before) return 'queued'
  const isOurs = item.status === 'running' && !written.written && written.existing?.claim_id === claim_id
  return isOurs && item.cancel_requested ? 'cancel requested' : 'lost'
}
