import type { RequestItem } from '../../../functions/requests/item.ts'
import type { RdsDataModel } from '../models/rds-data.ts'
import type { S3Model } from '../models/s3.ts'
import type { World } from '../world.ts'

/** `metadata` is JSON text. */
export type StoredItem = Omit<RequestItem, 'metadata'> & { readonly claim_id?: string; readonly metadata?: string }

/** One call of the model that did arrive, and what it answered. */
export interface ModelCall {
  readonly attempt: number
  readonly answer: 'success' | 'failure' | 'useless answer'
  /** As the model reported it. */
  readonly tokens: number | undefined
  /** In the result, or in the error's message: no two calls answer the same. */
  readonly mark: string
}

/** A request that it becomes has its mark for metadata. */
export interface InputMessage {
  readonly body: string
  readonly mark: object
}

/** What the history was seen to do, beside what its stores hold: a run is `<request_id>:<run>`. */
export interface Known {
  readonly world: World
  readonly rdsData: RdsDataModel
  readonly s3: S3Model
  readonly items: Map<string, StoredItem>
  /** Each run's item as its end was decided. */
  readonly ended: Map<string, StoredItem>
  /** Messages that were sent to the input queue, by id. */
  readonly inputs: Map<string, InputMessage>
  readonly calls: Map<string, ModelCall[]>
  /** What runs were settled at. */
  readonly settled: Map<string, { readonly tokens: number; readonly requests: number }>
}

export const runOf = (requestId: string, run: number): string => `${requestId}:${run}`
export const callsOf = ({ calls }: Pick<Known, 'calls'>, requestId: string, run: number): ModelCall[] =>
  calls.get(runOf(requestId, run)) ?? []
