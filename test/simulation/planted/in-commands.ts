import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { PlantedBug } from '../compose.ts'
import { rewritten, withCondition, withoutClauses, writeOf } from './commands.ts'

const isRelease = (values: Readonly<Record<string, AttributeValue>>) => Number(values[':requests']?.N) < 0

/** Planted bugs in the commands that the adapters send to DynamoDB. */
export const IN_COMMANDS: readonly PlantedBug[] = [
  {
    name: 'a settlement has no condition',
    command: withoutClauses('quota', [' = :n'], values => !isRelease(values)),
  },
  { name: 'a release has no condition', command: withoutClauses('quota', [' = :n'], isRelease) },
  { name: 'a new quota item is not watched', command: unwatched },
  { name: 'the run is missing in the key of a reservation', command: withoutRunInKeys },
  { name: 'a claim does not check the deadline', command: withoutClauses('requests', ['deadline > :now']) },
  { name: 'a decision does not check the attempt', seenAt: 423, command: ofDecision(['attempt = :attempt']) },
  { name: 'a decision does not check the run', seenAt: 619, command: ofDecision(['#run = :run']) },
  { name: 'a decision does not check the status', command: ofDecision(['#status = :running']) },
  { name: 'a decision does not check whether its request was cancelled', command: ofDecision(['(cancel_requested)']) },
  {
    name: 'a tombstone replaces an item in any state',
    seenAt: 230,
    command: withCondition(
      'requests',
      condition => condition.startsWith('attribute_not_exists(request_id) OR (#status'),
      () => '',
    ),
  },
  {
    name: 'a new item replaces an existing item',
    command: withCondition(
      'requests',
      condition => condition === 'attribute_not_exists(request_id)',
      () => '',
    ),
  },
  {
    name: 'a cancellation ends a request in any state',
    command: withCondition(
      'requests',
      (_, values) => values[':status']?.S === 'cancelled' && values[':queued'] !== undefined,
      () => '',
    ),
  },
  {
    name: 'a request is given up although the lease of its worker has not ended',
    command: withCondition(
      'requests',
      (condition, values) => values[':seen'] !== undefined && condition.includes('lease_until'),
      condition => condition.replace(' AND lease_until <= :now', ''),
    ),
  },
  {
    name: 'a key is bound again without a check to which request it is bound now',
    command: withCondition(
      'requests',
      condition => condition === 'bound_to = :from',
      () => '',
    ),
  },
  { name: 'a key is forgotten after an hour', command: keysForgotten },
]

/** Removes clauses only from the writes that decide an outcome. They are recognized by the time of completion, which no other write sets. */
function ofDecision(clauses: readonly string[]): (command: unknown) => unknown {
  return withoutClauses('requests', clauses, values => values[':completed'] !== undefined)
}

function withoutRunInKeys(command: unknown): unknown {
  const input = writeOf(command)
  if (input?.TableName !== 'quota') return command
  const withoutRun = (key: string) => key.replace(/:\d+$/, ':1')
  if ('Item' in input && input.Item?.open?.M) {
    const entries = Object.entries(input.Item.open.M).map(([key, entry]) => [withoutRun(key), entry])
    return rewritten(command, { Item: { ...input.Item, open: { M: Object.fromEntries(entries) } } })
  }
  const names = Object.entries(input.ExpressionAttributeNames ?? {}).map(([name, key]) => [name, withoutRun(key)])
  return rewritten(command, { ExpressionAttributeNames: Object.fromEntries(names) })
}

function unwatched(command: unknown): unknown {
  const input = writeOf(command)
  if (input?.TableName !== 'quota' || !('Item' in input)) return command
  const { watched, ...Item } = input.Item ?? {}
  return rewritten(command, { Item })
}

function keysForgotten(command: unknown): unknown {
  const input = writeOf(command)
  if (!input || !('Item' in input) || !input.Item?.bound_to) return command
  const expiresAt = { N: String(Number(input.Item.expires_at?.N) - 23 * 3_600_000) }
  return rewritten(command, { Item: { ...input.Item, expires_at: expiresAt } })
}
