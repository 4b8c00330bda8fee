import { batchBody, type Outputs, readOutputs } from '../core/inference/batch.ts'
import type { ModelAnswer, ModelFailure } from '../core/inference/port.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import { awaitFurther } from './permit.ts'
import type { Invocation, WorkerPorts } from './ports.ts'
import { reportNoCall } from './report-calls.ts'
import { isBusy, mayBeRetried, type Retry } from './retry.ts'
import type { Claimed } from './types.ts'

/** A claimed request, and what is to be sent for it. */
export interface Mapped extends Claimed {
  readonly toSend: unknown
  /** Tokens of the prompt, if the request bounds its output. */
  readonly bounded: number | undefined
}

/** What the model made of one request. */
export type Answer =
  | { readonly ok: true; readonly answer: unknown }
  | {
      readonly ok: false
      readonly failure: ModelFailure
      /** Requests of the call that failed: with more than one, the failure may be another's. */
      readonly company: number
      /** It failed alone while others of its batch succeeded: it is the request, not the model. */
      readonly isCulprit: boolean
    }

export interface Called {
  readonly answers: ReadonlyMap<Mapped, Answer>
  /** Of each call. */
  readonly calls: readonly ModelAnswer[]
}

/** One call for one request. Rejects with `Unavailable` only, and then no call was made. */
export async function callForOne({ endpoint }: WorkerPorts, request: Mapped): Promise<Called> {
  const answer = await endpoint.call(request.message.request_id, request.toSend)
  return { calls: [answer], answers: new Map([[request, toAnswer(answer, 1)]]) }
}

/**
 * One call for many requests. A batch that fails as a whole is split, as long as that promises to tell whose fault it is;
 * each further call takes a permit of its own. Rejects with `Unavailable` only, and then no call was made.
 */
export async function callForMany(
  ports: WorkerPorts,
  requests: readonly Mapped[],
  invocation: Invocation,
): Promise<Called> {
  const calls: ModelAnswer[] = []
  const answers = new Map<Mapped, Answer>()
  // Broadly, not deeply: the sooner a part succeeds, the sooner it is known that the model is not what fails.
  const parts: (readonly Mapped[])[] = [requests]
  for (let part = parts.shift(); part; part = parts.shift()) {
    const answer = await callFor(ports, part, calls.length === 0)
    if (!answer) break
    const outputs = readOutputs(answer, part.length)
    calls.push(outputs.ok ? answer : outputs)
    for (const [i, request] of part.entries())
      answers.set(request, withReach(answerOf(outputs, i, part.length), answers.get(request)))
    if (!outputs.ok && part.length > 1) {
      if (!tellsWhose(outputs, requests, ports.settings)) break
      parts.push(...halves(part))
    }
    if (parts.length > 0 && !(hasPatience(calls, ports.settings) && (await mayCallAgain(ports, requests, invocation))))
      break
  }
  const isHealthy = calls.some(({ ok }) => ok)
  return { calls, answers: isHealthy ? withCulprits(answers, ports.settings.retry) : answers }
}

/** Undefined if a further call can't be made: what is known by then is worth keeping. */
async function callFor(
  { endpoint, metrics }: WorkerPorts,
  part: readonly Mapped[],
  isFirst: boolean,
): Promise<ModelAnswer | undefined> {
  try {
    const answer = await endpoint.call(undefined, batchBody(part.map(({ toSend }) => toSend)))
    metrics.addMetric('BatchSize', 'Count', part.length)
    return answer
  } catch (error) {
    if (isFirst || !(error instanceof Unavailable)) throw error
    return undefined
  }
}

const toAnswer = (answer: ModelAnswer, company: number): Answer =>
  answer.ok ? answer : { ok: false, failure: answer, company, isCulprit: false }

function answerOf(outputs: Outputs, i: number, company: number): Answer {
  if (!outputs.ok) return toAnswer(outputs, company)
  const output = outputs.outputs[i]
  if (!output) throw new Error('there is an output for each input')
  return toAnswer(output, 1)
}

/** What an earlier call has reached stays reached, wherever a further one got lost. */
function withReach(answer: Answer, earlier: Answer | undefined): Answer {
  if (answer.ok || !earlier || earlier.ok || !earlier.failure.reached) return answer
  return { ...answer, failure: { ...answer.failure, reached: true } }
}

function withCulprits(answers: ReadonlyMap<Mapped, Answer>, retry: Retry): Map<Mapped, Answer> {
  const isCulprit = (one: Answer) => !one.ok && one.company === 1 && !isNobodys(one.failure, retry)
  return new Map([...answers].map(([request, one]) => [request, isCulprit(one) ? { ...one, isCulprit: true } : one]))
}

/** What a call needs besides its timeout, to publish what came of it. Milliseconds. */
const PUBLISH_MS = 10_000

/** Whether an invocation would outlive a call that begins `later_ms` from now, even one that times out. */
export const hasTimeForCall = ({ clock, settings }: WorkerPorts, { ends_at }: Invocation, later_ms = 0): boolean =>
  clock() + later_ms + settings.endpoint.timeout_ms + PUBLISH_MS <= ends_at

/** Whether there is time, and a permit, for one more call at once; not knowing is no. */
async function mayCallAgain(ports: WorkerPorts, requests: readonly Mapped[], invocation: Invocation): Promise<boolean> {
  if (!hasTimeForCall(ports, invocation)) return false
  try {
    const permit = await awaitFurther(
      ports,
      requests.map(({ message }) => message),
      invocation,
    )
    if (!permit.granted) return false
    if (permit.probe === undefined) return permit.at <= ports.clock()
    // Others have found the model failing meanwhile: whether it is back is not for a batch in question to find out.
    await reportNoCall(ports, permit)
    return false
  } catch (error) {
    if (error instanceof Unavailable) return false
    throw error
  }
}

/** So many calls may fail without a success before splitting stops: the model itself is in trouble, or most of the batch is. */
const PATIENCE = { failing: 3, refusing: 8 }

function hasPatience(calls: readonly ModelAnswer[], { retry }: WorkerPorts['settings']): boolean {
  if (calls.some(({ ok }) => ok)) return true
  const isFailing = calls.some(call => !call.ok && mayBeRetried(call, retry))
  return calls.length < (isFailing ? PATIENCE.failing : PATIENCE.refusing)
}

/** Whether splitting shows whose fault it is; if it seems nobody's, that is worth a try only when there is no other attempt. */
function tellsWhose(failure: ModelFailure, requests: readonly Mapped[], { retry }: WorkerPorts['settings']): boolean {
  return !isNobodys(failure, retry) || requests.some(({ item }) => item.attempt >= retry.attempts)
}

/** Whether it says nothing of what was asked: the model was busy, slow or away. */
const isNobodys = (failure: ModelFailure, retry: Retry): boolean =>
  mayBeRetried(failure, retry) && (isBusy(failure) || !failure.reached || failure.code === 'model_timeout')

function halves<T>(list: readonly T[]): [readonly T[], readonly T[]] {
  const middle = Math.ceil(list.length / 2)
  return [list.slice(0, middle), list.slice(middle)]
}
