import {
  type DynamoDBClient,
  ProvisionedThroughputExceededException,
  RequestLimitExceeded,
  ThrottlingException,
} from '@aws-sdk/client-dynamodb'
import { get, put } from '../platform/dynamodb.ts'
import { reaching, Unavailable } from '../platform/unavailable.ts'
import type { ModelStateStore } from './port.ts'
import { type ModelState, readModelState, toStored, UNTOUCHED } from './state.ts'

const THROTTLED = [ProvisionedThroughputExceededException, RequestLimitExceeded, ThrottlingException]

/** Makes the store of models' states in DynamoDB: one item per model, with the partition key `model`. */
export function dynamoModelStates(client: DynamoDBClient, table: string): ModelStateStore {
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
            item: toStored(next),
            condition: next.version === 1 ? isFirst : isNext,
            ...(next.version === 1 ? {} : { values: { ':before': next.version - 1 } }),
          }),
        )
        if (!written) return (await read(model)) ?? UNTOUCHED
        if (written.written) return next
        if (!written.existing)
          throw new Unavailable('the models table', new Error('the item of the model disappeared while it was written'))
        return toState(written.existing)
      }),
  }
}

/**
 * Returns the result of a write, or undefined if DynamoDB throttles the writes of the item. Throttling means that many
 * workers write the item at the same time, and not that DynamoDB is broken. So the write counts as one that came after
 * another worker's write, and the worker tries again.
 */
async function unlessThrottled<T>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write
  } catch (error) {
    if (THROTTLED.some(kind => error instanceof kind)) return undefined
    throw error
  }
}

/** Reads the state in an item. The key is no part of the state. */
function toState({ model: _, ...state }: Record<string, unknown>): ModelState {
  return readModelState(state)
}
