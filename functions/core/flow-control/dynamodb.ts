import {
  type DynamoDBClient,
  ProvisionedThroughputExceededException,
  RequestLimitExceeded,
  ThrottlingException,
} from '@aws-sdk/client-dynamodb'
import { get, put } from '../platform/dynamodb.ts'
import { reaching } from '../platform/unavailable.ts'
import type { GuardStore } from './port.ts'
import { type GuardState, readGuardState, UNTOUCHED } from './state.ts'

const THROTTLED = [ProvisionedThroughputExceededException, RequestLimitExceeded, ThrottlingException]

/** Guards in DynamoDB, an item a model: partition key `model`. */
export function dynamoGuards(client: DynamoDBClient, table: string): GuardStore {
  const reach = <T>(call: () => Promise<T>) => reaching('the models table', call)
  const read = async (model: string) => {
    const item = await get(client, table, { model })
    return item && toState(item)
  }
  return {
    read: model => reach(() => read(model)),
    write: (model, next) =>
      reach(async () => {
        const isFirst = 'attribute_not_exists(version)'
        const isNext = 'version = :before'
        const written = await unlessThrottled(
          put(client, {
            table,
            key: { model },
            item: { ...next },
            condition: next.version === 1 ? isFirst : isNext,
            ...(next.version === 1 ? {} : { values: { ':before': next.version - 1 } }),
          }),
        )
        if (!written) return (await read(model)) ?? UNTOUCHED
        if (written.written) return next
        if (!written.existing) throw new Error('the state that was just met is gone')
        return toState(written.existing)
      }),
  }
}

/** Undefined when the item is written to more often than DynamoDB takes: that is a crowd, no outage. */
async function unlessThrottled<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write
  } catch (error) {
    if (THROTTLED.some(kind => error instanceof kind)) return undefined
    throw error
  }
}

/** The name of the model is the key's alone. */
function toState({ model: _, ...state }: Record<string, unknown>): GuardState {
  return readGuardState(state)
}
