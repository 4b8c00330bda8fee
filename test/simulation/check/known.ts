import type { RequestItem } from '../../../functions/core/domain/item.ts'
import type { Invocation } from '../invocation.ts'
import type { RdsDataModel } from '../models/rds-data.ts'
import type { S3Model } from '../models/s3.ts'
import type { Queues } from '../queues.ts'
import type { World } from '../world.ts'
import type { Protection } from './flow-control.ts'

/** `metadata` is JSON text. */
export type StoredItem = Omit<RequestItem, 'metadata'> & { readonly claim_id?: string; readonly metadata?: string }

/** One call of the model, and its answer to one request of the call. */
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
  /** A mark in the result or in the failure's message. No two answers have the same. */
  readonly mark: string
  readonly isMarked: boolean
  /** The number of requests that the call failed for. */
  readonly company: number
  readonly isBatch: boolean
  /** Whether the same call may succeed later. */
  readonly retriable: boolean
  readonly retryAfterMs: number
  /** Whether the model has seen it. Not so for a call that costs nothing. */
  readonly reached: boolean
  /** Whether it spends no attempt: the model is halted, or was only tried. */
  readonly isFree: boolean
  /** Whether it spends no attempt if the model is halted for it. */
  readonly mayBeFree: boolean
}

/** The request of this message has the message's mark in its metadata. */
export interface InputMessage {
  readonly body: string
  readonly mark: object
}

/** The events of the history that the stores do not hold. A run is named `<request_id>:<run>`. */
export interface Known {
  readonly world: World
  readonly queues: Queues
  readonly rdsData: RdsDataModel
  readonly s3: S3Model
  readonly items: Map<string, StoredItem>
  /** Each run's item when its end was decided. */
  readonly ended: Map<string, StoredItem>
  /** Messages that were sent to the input queue, by id. */
  readonly inputs: Map<string, InputMessage>
  /** Requests whose owner has asked to delete them. */
  readonly erasing: Set<string>
  /** Requests whose owner was told that they are deleted, and the time of the answer. */
  readonly erased: Map<string, number>
  readonly calls: Map<string, ModelCall[]>
  /** The workers that are calling the model for a request. */
  readonly calling: Map<string, Invocation>
  /** The requests of each worker's messages, by the worker's name, and whether each must run alone. */
  readonly received: Map<string, readonly Received[]>
  /** Claims by request, run and attempt, and whether each was its worker's only one. */
  readonly aloneBy: Map<string, boolean>
  /** Crashes of a run that another request may have caused. They do not count. */
  readonly uncounted: Map<string, number>
  /** Workers that got a usable answer from the model. */
  readonly succeeded: Set<string>
  /** Calls that have arrived at the model. */
  arrived: number
  readonly protection: Protection
  /** The models that functions know which start now. */
  models: readonly string[]
  /** The functions that were started without the model. */
  readonly deployedWithout: Set<string>
  /** Whether a deployment has deleted the queues of the model, and the messages in them. */
  hasLostMessages: boolean
  /** The charge at which each run was settled. */
  readonly settled: Map<string, { readonly tokens: number; readonly requests: number }>
}

export interface Received {
  readonly request_id: string
  readonly alone: boolean
}

export const runOf = (requestId: string, run: number): string => `${requestId}:${run}`
export const callsOf = ({ calls }: Pick<Known, 'calls'>, requestId: string, run: number): ModelCall[] =>
  calls.get(runOf(requestId, run)) ?? []

/** Whether a message that lets a worker run a request is in a queue, or is being handled. */
export const isInAQueue = ({ stored }: Queues, requestId: string): boolean =>
  [...stored.values()].some(({ messages }) =>
    [...messages.values()].some(({ body }) => body.includes('"type":"inference"') && body.includes(requestId)),
  )
