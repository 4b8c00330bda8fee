import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { type Attributes, type ConditionalWrite, get, put, update } from '../platform/dynamodb.ts'
import { reaching } from '../platform/unavailable.ts'
import { RequestItem } from '../requests/item.ts'
import type { InferenceMessage } from '../requests/messages.ts'
import type { Claim, ClaimTerms, Decision, RequestItems } from './port.ts'

/** Request items in DynamoDB: partition key `user_id`, sort key `request_id`. */
export function dynamoItems(client: DynamoDBClient, table: string): RequestItems {
  const reach = <T>(call: () => Promise<T>) => reaching('the requests table', call)
  return {
    get: (userId, requestId) =>
      reach(async () => toItem(await get(client, table, { user_id: userId, request_id: requestId }))),
    create: item => reach(() => putFirst(client, table, item, 'attribute_not_exists(request_id)')),
    reject: tombstone => reach(() => reject(client, table, tombstone)),
    claim: (message, terms) => reach(() => claim(client, table, message, terms)),
    reclaim: (seen, terms) => reach(() => reclaim(client, table, seen, terms)),
    expire: (seen, now) => reach(() => expire(client, table, seen, now)),
    decide: decision => reach(() => decide(client, table, decision)),
  }
}

const keyOf = (of: { user_id: string; request_id: string }) => ({ user_id: of.user_id, request_id: of.request_id })

/** Metadata is kept as JSON text: DynamoDB's own numbers, names and nesting are narrower than JSON's. */
const toAttributes = ({ metadata, ...item }: RequestItem): Attributes => ({
  ...item,
  metadata: metadata && JSON.stringify(metadata),
})

/** `claim_id` is the adapter's own: it never leaves it. */
function toItem(attributes: Attributes | undefined): RequestItem | undefined {
  if (!attributes) return undefined
  const { claim_id: _, metadata, ...item } = attributes
  return RequestItem.parse(typeof metadata === 'string' ? { ...item, metadata: JSON.parse(metadata) } : item)
}

function present(item: RequestItem | undefined): RequestItem {
  if (!item) throw new Error('an item that was just written or met is gone')
  return item
}

async function putFirst(
  client: DynamoDBClient,
  table: string,
  item: RequestItem,
  condition: string,
  more: { names?: Record<string, string>; values?: Attributes } = {},
): Promise<RequestItem> {
  const written = await put(client, {
    table,
    key: keyOf(item),
    item: toAttributes(item),
    condition,
    ...more,
  })
  return written.written ? item : present(toItem(written.existing))
}

function reject(client: DynamoDBClient, table: string, tombstone: RequestItem): Promise<RequestItem> {
  const isAbsent = 'attribute_not_exists(request_id)'
  const wasNeverAttempted = '#status = :queued AND #run = :run AND #attempt = :none'
  return putFirst(client, table, tombstone, `${isAbsent} OR (${wasNeverAttempted})`, {
    names: { '#status': 'status', '#run': 'run', '#attempt': 'attempt' },
    values: { ':queued': 'queued', ':run': tombstone.run, ':none': 0 },
  })
}

const START =
  'SET #status = :running, attempt = attempt + :one, lease_until = :lease, claim_id = :claim, started_at = if_not_exists(started_at, :now)'

const startValues = (terms: ClaimTerms) => ({
  ':running': 'running',
  ':one': 1,
  ':lease': terms.lease_until,
  ':claim': terms.claim_id,
  ':now': terms.now,
})

/** A claim that finds itself was made by a try whose answer was lost. */
function toClaim(write: ConditionalWrite, terms: ClaimTerms): Claim {
  if (write.written) return { claimed: true, item: present(toItem(write.attributes)) }
  const item = toItem(write.existing)
  return item && item.status === 'running' && write.existing?.claim_id === terms.claim_id
    ? { claimed: true, item }
    : { claimed: false, item }
}

async function claim(
  client: DynamoDBClient,
  table: string,
  message: InferenceMessage,
  terms: ClaimTerms,
): Promise<Claim> {
  const isQueued = '#status = :queued'
  const isThisRun = '#run = :run'
  const isThisBody = 'fingerprint = :fingerprint'
  const backoffPassed = '(attribute_not_exists(not_before) OR not_before <= :now)'
  const deadlineAhead = 'deadline > :now'
  const written = await update(client, {
    table,
    key: keyOf(message),
    update: `${START} REMOVE not_before`,
    condition: [isQueued, isThisRun, isThisBody, backoffPassed, deadlineAhead],
    names: { '#status': 'status', '#run': 'run' },
    values: { ...startValues(terms), ':queued': 'queued', ':run': message.run, ':fingerprint': message.fingerprint },
    returns: 'ALL_NEW',
  })
  return toClaim(written, terms)
}

async function reclaim(client: DynamoDBClient, table: string, seen: RequestItem, terms: ClaimTerms): Promise<Claim> {
  const isRunning = '#status = :running'
  const isAsSeen = '#run = :run AND attempt = :attempt'
  const leaseExpired = 'lease_until <= :now'
  const written = await update(client, {
    table,
    key: keyOf(seen),
    update: `${START}, crashes = crashes + :one`,
    condition: [isRunning, isAsSeen, leaseExpired],
    names: { '#status': 'status', '#run': 'run' },
    values: { ...startValues(terms), ':run': seen.run, ':attempt': seen.attempt },
    returns: 'ALL_NEW',
  })
  return toClaim(written, terms)
}

async function expire(
  client: DynamoDBClient,
  table: string,
  seen: RequestItem,
  now: number,
): Promise<RequestItem | undefined> {
  const isQueuedAsSeen = '#status = :queued AND #run = :run AND attempt = :attempt'
  const deadlinePassed = 'deadline <= :now'
  // The model was reached, and charged nothing that it reported: a request that was attempted still costs a request.
  const charge = seen.attempt > 0 ? { set: ', charge = :charge', values: { ':charge': 0 } } : { set: '', values: {} }
  const written = await update(client, {
    table,
    key: keyOf(seen),
    update: `SET #status = :expired, completed_at = :now${charge.set} REMOVE not_before`,
    condition: [isQueuedAsSeen, deadlinePassed],
    names: { '#status': 'status', '#run': 'run' },
    values: {
      ':queued': 'queued',
      ':expired': 'expired',
      ':run': seen.run,
      ':attempt': seen.attempt,
      ':now': now,
      ...charge.values,
    },
    returns: 'ALL_NEW',
  })
  const item = toItem(written.written ? written.attributes : written.existing)
  return item?.status === 'expired' && item.run === seen.run ? item : undefined
}

async function decide(client: DynamoDBClient, table: string, d: Decision): Promise<RequestItem | undefined> {
  const isRunning = '#status = :running'
  const holdsTheClaim = '#run = :run AND attempt = :attempt'
  const optional = { usage: d.usage, error: d.error, charge: d.charge }
  const sets = Object.entries(optional).filter(([, value]) => value !== undefined)
  const written = await update(client, {
    table,
    key: keyOf(d),
    update: ['SET #status = :status, completed_at = :completed', ...sets.map(([name]) => `#${name} = :${name}`)]
      .join(', ')
      .concat(' REMOVE lease_until, claim_id'),
    condition: [isRunning, holdsTheClaim],
    names: { '#status': 'status', '#run': 'run', ...Object.fromEntries(sets.map(([name]) => [`#${name}`, name])) },
    values: {
      ':running': 'running',
      ':status': d.status,
      ':run': d.run,
      ':attempt': d.attempt,
      ':completed': d.completed_at,
      ...Object.fromEntries(sets.map(([name, value]) => [`:${name}`, value])),
    },
    returns: 'ALL_NEW',
  })
  const item = toItem(written.written ? written.attributes : written.existing)
  const says = item?.status === d.status && item.run === d.run && item.attempt === d.attempt
  return says ? item : undefined
}
