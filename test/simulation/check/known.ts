import type { RequestItem } from '../../../functions/core/domain/item.ts'
import type { Invocation } from '../invocation.ts'
import type { RdsDataModel } from '../models/rds-data.ts'
import type { S3Model } from '../models/s3.ts'
import type { World } from '../world.ts'
import type { Protection } from './flow-control.ts'

/** `metadata` is JSON text. */
export type StoredItem = Omit<RequestItem, 'metadata'> & { readonly claim_id?: string; readonly metadata?: string }

/** One call of the model, and what it answered to one request of it. */
export interface ModelCall {
  readonly attempt: number
  /** The claim under which it was made. */
  readonly claim: string | undefined
  /** The worker that made it. */
  readonly by: string
  /** When it was answered. */
  readonly at: number
  /** `refused`: as one element of a batch. */
  readonly answer: 'success' | 'failure' | 'useless answer' | 'refused'
  /** As the model reported it. */
  readonly tokens: number | undefined
  /** What its answer costs at least where the request bounds its output. */
  readonly least: number
  /** In the result: no two answers are the same. In the message of a failure: no two calls fail the same. */
  readonly mark: string
  readonly isMarked: boolean
  /** How many requests it failed for. */
  readonly company: number
  readonly isBatch: boolean
  /** Whether the same call may go well later. */
  readonly retriable: boolean
  readonly retry_after_ms: number
  /** Whether the model has seen it. */
  readonly reached: boolean
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
  /** Who is calling the model for a request. */
  readonly calling: Map<string, Invocation>
  /** What each worker was given, by its name: the requests of its messages, and whether each is to be run alone. */
  readonly received: Map<string, readonly Received[]>
  /** Claims, by request, run and attempt, and whether each was the only one of its worker. */
  readonly aloneBy: Map<string, boolean>
  /** Crashes of a run that may have been another request's, and so are not counted. */
  readonly uncounted: Map<string, number>
  /** Workers to which the model has given an answer of use. */
  readonly succeeded: Set<string>
  /** Calls that have arrived at the model. */
  arrived: number
  readonly protection: Protection
  /** What runs were settled at. */
  readonly settled: Map<string, { readonly tokens: number; readonly requests: number }>
}

export interface Received {
  readonly request_id: string
  readonly alone: boolean
}

export const runOf = (requestId: string, run: number): string => `${requestId}:${run}`
export const callsOf = ({ calls }: Pick<Known, 'calls'>, requestId: string, run: number): ModelCall[] =>
  calls.get(runOf(requestId, run)) ?? []
