import type { RequestItem } from '../../../functions/core/domain/item.ts'
import type { Invocation } from '../invocation.ts'
import type { RdsDataModel } from '../models/rds-data.ts'
import type { S3Model } from '../models/s3.ts'
import type { Queues } from '../queues.ts'
import type { World } from '../world.ts'
import type { Protection } from './flow-control.ts'

/** An item as it is stored. `metadata` is JSON text. */
export type StoredItem = Omit<RequestItem, 'metadata'> & { readonly claim_id?: string; readonly metadata?: string }

/** One call to the model, and its answer to one request of the call. */
export interface ModelCall {
  readonly attempt: number
  /** The id of the claim under which the call was made. */
  readonly claim: string | undefined
  /** The worker that made the call. */
  readonly by: string
  /** The time of the answer. */
  readonly at: number
  /** `refused` means that one element of a batch was refused. */
  readonly answer: 'success' | 'failure' | 'useless answer' | 'refused'
  /** The tokens that the model reported. */
  readonly tokens: number | undefined
  /** The least tokens that the answer is charged if the request has `max_tokens` and the model reports no usage. Otherwise 0. */
  readonly least: number
  /** A unique text in the result or in the failure's message. It shows from which call a stored result or error came. */
  readonly mark: string
  /** True if the error that the user sees must contain the mark. */
  readonly isMarked: boolean
  /** The number of requests of the call if the whole call failed. Otherwise 1. */
  readonly company: number
  readonly isBatch: boolean
  /** True if the same call may succeed later. */
  readonly retriable: boolean
  readonly retryAfterMs: number
  /** True if the call reached the model and is charged. */
  readonly reached: boolean
  /** True if the call spends no attempt, because the model is halted or the call was a probe. */
  readonly isFree: boolean
  /** True for a 403. The call spends no attempt if it halts the model. */
  readonly mayBeFree: boolean
}

/** A message of the input queue. Its mark is a unique value, which is also in the metadata of its request. So the checks find the request of a message. */
export interface InputMessage {
  readonly body: string
  readonly mark: object
}

/** What the checks remember of a history, beyond the contents of the stores. A run is named `<request_id>:<run>`. */
export interface Known {
  readonly world: World
  readonly queues: Queues
  readonly rdsData: RdsDataModel
  readonly s3: S3Model
  readonly items: Map<string, StoredItem>
  /** The item of each run at the end of the run. */
  readonly ended: Map<string, StoredItem>
  /** Messages that were sent to the input queue, by id. */
  readonly inputs: Map<string, InputMessage>
  /** Requests whose owner has asked to delete them. */
  readonly erasing: Set<string>
  /** Requests whose owner got the answer that they are deleted, and the place of this answer in the order of events. */
  readonly erased: Map<string, number>
  readonly calls: Map<string, ModelCall[]>
  /** The workers that are calling the model for a request. */
  readonly calling: Map<string, Invocation>
  /** By the name of a worker: the requests of the messages that it received, and whether each request must run alone. */
  readonly received: Map<string, readonly Received[]>
  /** By request, run and attempt of a claim: whether its worker ran no other request. Only in this case, a crash of the worker counts. */
  readonly aloneBy: Map<string, boolean>
  /** The number of crashes of each run that another request may have caused. These crashes do not count against the run. */
  readonly uncounted: Map<string, number>
  /** Workers that got a usable answer from the model. */
  readonly succeeded: Set<string>
  /** The number of calls that have arrived at the model. */
  arrived: number
  readonly protection: Protection
  /** The models in the pipeline.yaml that is deployed now. */
  models: readonly string[]
  /** The functions that started while the model was removed. */
  readonly deployedWithout: Set<string>
  /** True if a deployment has deleted the queues of the model with their messages. Requests without a message are then no fault. */
  hasLostMessages: boolean
  /** The charge with which each run was settled. */
  readonly settled: Map<string, { readonly tokens: number; readonly requests: number }>
}

export interface Received {
  readonly request_id: string
  readonly alone: boolean
}

export const runOf = (requestId: string, run: number): string => `${requestId}:${run}`
export const callsOf = ({ calls }: Pick<Known, 'calls'>, requestId: string, run: number): ModelCall[] =>
  calls.get(runOf(requestId, run)) ?? []

/** Returns true if an inference message of the request is in a queue or is handled by a worker now. */
export const isInAQueue = ({ stored }: Queues, requestId: string): boolean =>
  [...stored.values()].some(({ messages }) =>
    [...messages.values()].some(({ body }) => body.includes('"type":"inference"') && body.includes(requestId)),
  )
