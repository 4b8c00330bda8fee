import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import type { PlantedBug } from '../compose.ts'
import { rewritten, withCondition, withoutClauses, writeOf } from './commands.ts'

const isRelease = (values: Readonly<Record<string, AttributeValue>>) => Number(values[':requests']?.N) < 0

/** Bugs in what the adapters ask DynamoDB for. */
export const IN_COMMANDS: readonly PlantedBug[] = [
  {
    name: 'settle without its condition',
    command: withoutClauses('quota', [' = :n'], values => !isRelease(values)),
  },
  { name: 'refund without its condition', command: withoutClauses('quota', [' = :n'], isRelease) },
  { name: 'a new quota item is not watched', command: unwatched },
  { name: 'the run is missing in the key of a reservation', command: withoutRunInKeys },
  { name: 'a claim does not look at the deadline', command: withoutClauses('requests', ['deadline > :now']) },
  { name: 'a decision does not look at the attempt', seenAt: 423, command: ofDecision(['attempt = :attempt']) },
  { name: 'a decision does not look at the run', seenAt: 619, command: ofDecision(['#run = :run']) },
  { name: 'a decision does not look at the status', command: ofDecision(['#status = :running']) },
  { name: 'a decision does not look whether it was cancelled', command: ofDecision(['(cancel_requested)']) },
  {
    name: 'a tombstone over whatever is there',
    seenAt: 230,
    command: withCondition(
      'requests',
      condition => condition.startsWith('attribute_not_exists(request_id) OR (#status'),
      () => '',
    ),
  },
  {
    name: 'an item over whatever is there',
    command: withCondition(
      'requests',
      condition => condition === 'attribute_not_exists(request_id)',
      () => '',
    ),
  },
  {
    name: 'cancelled whatever it has become',
    command: withCondition(
      'requests',
      (_, values) => values[':status']?.S === 'cancelled' && values[':queued'] !== undefined,
      () => '',
    ),
  },
  {
    name: 'given up under a live lease',
    command: withCondition(
      'requests',
      (condition, values) => values[':seen'] !== undefined && condition.includes('lease_until'),
      condition => condition.replace(' AND lease_until <= :now', ''),
    ),
  },
  {
    name: 'a key is bound anew whatever it is bound to',
    command: withCondition(
      'requests',
      condition => condition === 'bound_to = :from',
      () => '',
    ),
  },
  { name: 'a key is forgotten after an hour', command: keysForgotten },
]

/** Clauses that only decisions lose: they alone say when they were completed. */
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
