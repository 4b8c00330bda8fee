import { boundedPromptTokens } from '../core/domain/estimate.ts'
import { batchBody, callOf, type Outputs } from '../core/inference/batch.ts'
import { MappingError } from '../core/inference/mapping.ts'
import type { ModelAnswer, ModelFailure, Reply } from '../core/inference/port.ts'
import { isBusy } from '../core/inference/retry.ts'
import { fieldsOf } from '../core/openai-format/fields.ts'
import { serialize } from '../core/platform/serialize.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import { lacksOperation, type Passage, UnsupportedField } from './pass-on.ts'
import { permitFurtherCall } from './permit-call.ts'
import type { WorkerPorts } from './ports.ts'
import { failedOutcome, publishOutcome } from './publish-outcome.ts'
import { returnPermit } from './report-calls.ts'
import { startBatchSpan, tracedReply } from './trace-call.ts'
import type { Answer, Called, Claimed, ClaimedWithBody, FailedAnswer, Granted, Invocation, Mapped } from './types.ts'
import { withoutPrompt } from './without-prompt.ts'

/**
 * The time after a call that the worker needs to publish the outcomes, in milliseconds. No call begins without this
 * time. Otherwise Lambda could end the worker before the outcomes are published, and the model would be called again
 * for the same requests.
 */
const PUBLISH_MS = 10_000

/**
 * Returns whether an invocation has enough time for a call that begins in `laterMs` milliseconds, also if the call
 * times out.
 */
export const hasTimeForCall = (ports: WorkerPorts, invocation: Invocation, laterMs = 0): boolean =>
  laterMs <= timeForCall(ports, invocation)

/**
 * Returns the longest time by which a call may still be put off, in milliseconds. With a negative number, the
 * invocation has no time left for a call.
 */
export const timeForCall = ({ clock, settings }: WorkerPorts, { ends_at }: Invocation): number =>
  ends_at - clock() - settings.endpoint.timeout_ms - PUBLISH_MS

/**
 * The longest time that a mapping takes, in milliseconds: the time limit of an expression, plus the start of the thread
 * that evaluates the expression.
 */
const MAX_MAPPING_MS = 2_500

/**
 * Runs tasks one after the other while the invocation has time left for a call. Later tasks do not run, and their
 * result is undefined. So slow mappings can't use up the time that the call needs.
 */
export type InTime = <T>(task: () => Promise<T>) => Promise<T | undefined>

export function whileTimeForCall(ports: WorkerPorts, invocation: Invocation): InTime {
  const serially = serialize()
  return task => serially(async () => (hasTimeForCall(ports, invocation, MAX_MAPPING_MS) ? await task() : undefined))
}

/**
 * Maps a claimed request to the body of its call. If the mapping fails, the request ends as failed. If too little time
 * is left for the call, the function calls `late`, which defers the request. In both cases, the result is undefined.
 */
export async function mapRequest(
  ports: WorkerPorts,
  { body, ...claimed }: ClaimedWithBody,
  inTime: InTime,
  late: (claimed: Claimed) => Promise<void>,
): Promise<Mapped | undefined> {
  const now = ports.clock()
  try {
    const mapped = await inTime(() => toSendOf(ports, claimed, body))
    if (mapped !== undefined) return { ...claimed, ...mapped, bounded: boundedPromptTokens(body) }
  } catch (error) {
    if (!(error instanceof MappingError)) throw error
    const code = error instanceof UnsupportedField ? 'unsupported_parameter' : 'mapping_failed'
    const failure = { code, message: error.message, reached: false } as const
    const times = { started_at: now, completed_at: now }
    await publishOutcome(ports, claimed.message, failedOutcome(claimed, failure, times))
    return undefined
  }
  await late(claimed)
  return undefined
}

/**
 * Makes the body to send. A body of the OpenAI API is passed on without a mapping if the endpoint has this API. In all
 * other cases, the request mapping makes the body to send from the fields of the client's body.
 */
async function toSendOf(
  { mappings, passOn }: WorkerPorts,
  { item, message: { operation } }: Claimed,
  body: Record<string, unknown>,
): Promise<Pick<Mapped, 'toSend' | 'passage'>> {
  const passage = operation && passOn?.to(operation, body)
  if (passage) return { toSend: passage.body, passage }
  const { user_id, request_id, attempt } = item
  const fields = operation ? fieldsOf(operation, body) : body
  return { toSend: await mappings.request({ body: { ...fields }, user_id, request_id, attempt }) }
}

/**
 * Calls the model for requests. Rejects with `Unavailable` only if no call was made. So after such an error, the caller
 * may defer the requests, and they keep their attempts.
 */
export function callModel(
  ports: WorkerPorts,
  requests: readonly Mapped[],
  permit: Granted,
  invocation: Invocation,
): Promise<Called> {
  const [only] = requests
  return only && !ports.settings.batched
    ? callForOne(ports, only, permit, invocation)
    : callForBatch(ports, requests, permit, invocation)
}

async function callForOne(
  ports: WorkerPorts,
  request: Mapped,
  permit: Granted,
  invocation: Invocation,
): Promise<Called> {
  const reply = await callOnce(ports, request, { body: request.toSend, url: request.passage?.url }, invocation)
  const answer = await ports.judge.call(reply)
  const one = { batchSize: 1, isElement: false }
  if (!lacksOperation(reply)) return { calls: [answer], answers: new Map([[request, toAnswer(request, answer, one)]]) }
  return callStandIn(ports, request, answer, permit, invocation)
}

/** Makes one call for one request, in a span of the request's trace. */
const callOnce = (
  ports: WorkerPorts,
  { message, delivery }: Mapped,
  { body, url }: { readonly body: unknown; readonly url?: string | undefined },
  { spans }: Invocation,
): Promise<Reply> => {
  const call = () => ports.endpoint.call(message.request_id, body, url)
  return spans.of(delivery).run(() => timed(ports, () => tracedReply(ports.startCallSpan([message.operation]), call)))
}

/**
 * Makes one call for many requests. If the whole batch fails, it is split into halves, as long as the split may show
 * which request causes the failure. Then only this request fails, and the others can still succeed. Each further call
 * needs its own permit (the permission of the flow control), because the rate limit counts it, too.
 */
async function callForBatch(
  ports: WorkerPorts,
  requests: readonly Mapped[],
  permit: Granted,
  invocation: Invocation,
): Promise<Called> {
  const calls: ModelAnswer[] = []
  const answers = new Map<Mapped, Answer>()
  // Larger parts are called before smaller ones (breadth first). As soon as one part succeeds, the model is known to be
  // healthy. Then a request that fails in its own call is the cause of the failure, and it fails for good without
  // another attempt.
  const parts: (readonly Mapped[])[] = [requests]
  for (let part = parts.shift(); part; part = parts.shift()) {
    const outputs = await callForPart(ports, part, invocation, calls.length === 0)
    if (!outputs) break
    calls.push(callOf(outputs))
    for (const [i, request] of part.entries())
      answers.set(request, keepReached(answerOf(request, outputs, i, part.length), answers.get(request)))
    if (!outputs.ok && part.length > 1) {
      if (!isWorthSplitting(outputs, requests, ports.settings)) break
      parts.push(...halves(part))
    }
    if (parts.length > 0 && !(mayGoOnSplitting(calls) && (await mayCallAgain(ports, requests, permit, invocation))))
      break
  }
  const isHealthy = calls.some(({ ok }) => ok)
  return { calls, answers: isHealthy ? withCulprits(answers) : answers }
}

/**
 * Calls a substitute operation if the endpoint lacks the client's operation, for example chat completions in place of
 * responses. This second call needs its own permit. If there is no permit now, the request is retried later. If the
 * retry runs in this environment (process), it calls the substitute at once, because `note` has recorded that the
 * client's operation is missing.
 */
async function callStandIn(
  ports: WorkerPorts,
  request: Mapped,
  first: ModelAnswer,
  permit: Granted,
  invocation: Invocation,
): Promise<Called> {
  const one = { batchSize: 1, isElement: false }
  const done = (answer: ModelAnswer, ...calls: readonly ModelAnswer[]): Called => ({
    calls,
    answers: new Map([[request, toAnswer(request, answer, one)]]),
  })
  const later = () => done({ ...LACKING, verdict: 'retry' }, first)
  const { passage } = request
  const standIn = passage && standInFor(ports, passage)
  if (!passage || !standIn) return done(first, first)
  if (standIn instanceof UnsupportedField)
    return done({ ...LACKING, code: 'unsupported_parameter', message: standIn.message, reached: false }, first)
  ports.passOn?.note(passage.asked, false)
  if (!(await mayCallAgain(ports, [request], permit, invocation))) return later()
  let reply: Reply
  try {
    reply = await callOnce(ports, request, standIn, invocation)
  } catch (error) {
    logIfDefect(ports.logger, error)
    return later()
  }
  const second = await ports.judge.call(reply)
  if (!lacksOperation(reply)) return { ...done(second, first, second), passages: new Map([[request, standIn]]) }
  ports.passOn?.note(passage.asked, true)
  return done(first, first, second)
}

const LACKING: ModelFailure = {
  ok: false,
  verdict: 'drop',
  code: 'model_rejected',
  message: 'the endpoint has no such operation',
  reached: true,
  status: 404,
}

function standInFor({ passOn }: WorkerPorts, passage: Passage): Passage | UnsupportedField | undefined {
  try {
    return passOn?.standIn(passage)
  } catch (error) {
    if (error instanceof UnsupportedField) return error
    throw error
  }
}

/** Measures the time of a call. If the call could not be made, no time is measured. */
async function timed({ clock, metrics }: WorkerPorts, call: () => Promise<Reply>): Promise<Reply> {
  const startedAt = clock()
  const reply = await call()
  metrics.add('ModelLatency', Math.max(0, clock() - startedAt) / 1_000)
  return reply
}

/**
 * Calls the model for a part of a batch. If the first call can't be made, it rejects. If a later call can't be made, it
 * returns undefined, so that the answers of the earlier calls still count.
 */
async function callForPart(
  ports: WorkerPorts,
  part: readonly Mapped[],
  { spans }: Invocation,
  isFirst: boolean,
): Promise<Outputs | undefined> {
  const { endpoint, judge, logger, metrics } = ports
  try {
    const span = startBatchSpan(ports.startCallSpan, part, spans)
    const call = () => endpoint.call(undefined, batchBody(part.map(({ toSend }) => toSend)))
    const reply = await timed(ports, () => tracedReply(span, call))
    metrics.add('BatchSize', part.length)
    return await judge.batch(reply, part.length)
  } catch (error) {
    if (isFirst) throw error
    logIfDefect(logger, error)
    return undefined
  }
}

function toAnswer(
  { message, toSend }: Mapped,
  answer: ModelAnswer,
  of: Pick<FailedAnswer, 'batchSize' | 'isElement'>,
): Answer {
  if (answer.ok) return answer
  return { ok: false, failure: withoutPrompt(answer, message, toSend), isCulprit: false, ...of }
}

function answerOf(request: Mapped, outputs: Outputs, i: number, batchSize: number): Answer {
  if (!outputs.ok) return toAnswer(request, outputs, { batchSize, isElement: false })
  const output = outputs.outputs[i]
  if (!output) throw new Error('there is an output for each input')
  return toAnswer(request, output, { batchSize: 1, isElement: true })
}

/**
 * Marks a failed answer as `reached` if any call for its request has reached the model, even if a later call got lost.
 * Otherwise a request that the model has received would not be charged.
 */
function keepReached(answer: Answer, earlier: Answer | undefined): Answer {
  if (answer.ok || !earlier || earlier.ok) return answer
  const calls = [...(earlier.calls ?? [earlier.failure]), answer.failure]
  return { ...answer, calls, failure: { ...answer.failure, reached: calls.some(({ reached }) => reached) } }
}

function withCulprits(answers: ReadonlyMap<Mapped, Answer>): Map<Mapped, Answer> {
  const isCulprit = (one: Answer) => !one.ok && one.batchSize === 1 && !one.isElement && !isNobodysFault(one.failure)
  return new Map([...answers].map(([request, one]) => [request, isCulprit(one) ? { ...one, isCulprit: true } : one]))
}

/**
 * Returns whether there is time for one more call, and a permit that allows it now. If an error happens, the result is
 * false.
 */
async function mayCallAgain(
  ports: WorkerPorts,
  requests: readonly Mapped[],
  first: Granted,
  invocation: Invocation,
): Promise<boolean> {
  if (!hasTimeForCall(ports, invocation)) return false
  const messages = requests.map(({ message }) => message)
  try {
    const permit = await permitFurtherCall(ports, messages, first, invocation)
    if (!permit.granted) return false
    if (permit.probe === undefined) return permit.at <= ports.clock()
    // The circuit has opened since the first call, and this permit is for its probe. The permit is returned, because a
    // request of this batch may be the cause of the failures. So a failed call of this batch would keep the circuit
    // open for longer, although the model may work.
    await returnPermit(ports, { ...permit, lease: undefined })
    return false
  } catch (error) {
    logIfDefect(ports.logger, error)
    return false
  }
}

/**
 * Logs a defect in a further call, and throws nothing: the answers of the first call must not be lost, because the
 * model was called.
 */
function logIfDefect(logger: WorkerPorts['logger'], error: unknown): void {
  if (error instanceof Unavailable) return
  logger.error('the model is not called again because of a defect', { error: error as Error })
}

/**
 * The most calls for one batch if none of them succeeds. `failing` is the limit if a call has failed in a way that a
 * retry may fix. `refusing` is the limit if the model has refused every call. After so many calls, the model itself is
 * failing, or refuses most of the batch. Then the batch is not split further, because more calls would only be a load
 * for the model.
 */
const MAX_CALLS_WITHOUT_SUCCESS = { failing: 3, refusing: 8 }

function mayGoOnSplitting(calls: readonly ModelAnswer[]): boolean {
  if (calls.some(({ ok }) => ok)) return true
  const isFailing = calls.some(call => !call.ok && call.verdict === 'retry')
  return calls.length < MAX_CALLS_WITHOUT_SUCCESS[isFailing ? 'failing' : 'refusing']
}

/**
 * Returns whether splitting may show which request is the cause of a failure. If no request seems to be the cause, the
 * batch is split only if one of its requests has no attempt left, because this request would fail for good now. In a
 * smaller call, it may still succeed.
 */
function isWorthSplitting(
  failure: ModelFailure,
  requests: readonly Mapped[],
  { retry }: WorkerPorts['settings'],
): boolean {
  if (failure.verdict === 'halt') return false
  return !isNobodysFault(failure) || requests.some(({ item }) => item.attempt >= retry.attempts)
}

/** Returns whether a failure says nothing about its request: the model was busy, slow or unreachable. */
const isNobodysFault = (failure: ModelFailure): boolean =>
  failure.verdict === 'retry' && (isBusy(failure) || !failure.reached || failure.code === 'model_timeout')

function halves<T>(list: readonly T[]): [readonly T[], readonly T[]] {
  const middle = Math.ceil(list.length / 2)
  return [list.slice(0, middle), list.slice(middle)]
}
