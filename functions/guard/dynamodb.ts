import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { get, put } from '../platform/dynamodb.ts'
import { reaching } from '../platform/unavailable.ts'
import type { GuardStore } from './port.ts'
import { GuardState } from './state.ts'

/** Guards in DynamoDB, an item a model: partition key `model`. */
export function dynamoGuards(client: DynamoDBClient, table: string): GuardStore {
  const reach = <T>(call: () => Promise<T>) => reaching('the models table', call)
  return {
    read: model =>
      reach(async () => {
        const item = await get(client, table, { model })
        return item && toState(item)
      }),
    write: (model, next) =>
      reach(async () => {
        const isFirst = 'attribute_not_exists(version)'
        const isNext = 'version = :before'
        const written = await put(client, {
          table,
          key: { model },
          item: { ...next },
          condition: next.version === 1 ? isFirst : isNext,
          ...(next.version === 1 ? {} : { values: { ':before': next.version - 1 } }),
        })
        if (written.written) return next
        if (!written.existing) throw new Error('the state that was just met is gone')
        return toState(written.existing)
      }),
  }
}

/** The name of the model is the key's alone. */
function toState({ model: _, ...state }: Record<string, unknown>): GuardState {
  return GuardState.parse(state)
}
