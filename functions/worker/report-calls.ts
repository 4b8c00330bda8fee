import { failureSentence } from '../core/domain/item.ts'
import type { CallFailure, Findings, HaltReason, Report } from '../core/flow-control/port.ts'
import type { ModelAnswer, ModelFailure } from '../core/inference/port.ts'
import { isLoading, saysWhen } from '../core/inference/retry.ts'
import type { WorkerPorts } from './ports.ts'
import type { Called, Granted, Mapped, Told } from './types.ts'

/**
 * Reports the results of the calls of one permit. An answer that is no failure of the model shows that the model is
 * healthy, even if the answer refuses the request. A 403 is an exception: the model may refuse the requests of all
 * users.
 */
export async function reportCalls(ports: WorkerPorts, permit: Granted, called: Called): Promise<Told> {
  const { calls, answers } = called
  const failures = calls.flatMap(call => (!call.ok && call.verdict === 'retry' ? [call] : []))
  ports.metrics.add('ModelCalls', calls.length)
  if (failures.length > 0) ports.metrics.add('FailedCalls', failures.length)
  const pause = Math.max(0, ...failures.map(askedPauseOf))
  const { findings, requests, is_refusal } = findingsOf(ports, calls, answers)
  const halted = await report(ports, {
    findings,
    failure: failureIn(answers),
    is_refusal,
    users: requests.map(({ message }) => message.user_id),
    repeated: requests.length > 0 && requests.every(({ item }) => item.attempt > 1),
    probe: permit.probe,
    lease: permit.lease,
    pause_until: pause > 0 ? ports.clock() + pause : undefined,
    loading: failures.some(isLoading) || undefined,
  })
  return {
    is_free: failure =>
      failure.verdict === 'halt' ||
      (halted && isRefusal(ports, failure)) ||
      (failure.verdict === 'retry' && (permit.is_free === true || isLoading(failure))),
  }
}

/** Returns the first failure among the answers to the requests of a call. */
function failureIn(answers: Called['answers']): CallFailure | undefined {
  for (const [{ item }, answer] of answers)
    if (!answer.ok) return { ...reasonOf(answer.failure), request_id: item.request_id }
  return undefined
}

/** The findings of calls about their model, and the requests that led to these findings. */
interface Found {
  readonly findings: Findings
  readonly requests: readonly Mapped[]
  readonly is_refusal?: boolean
}

function findingsOf(ports: WorkerPorts, calls: readonly ModelAnswer[], answers: Called['answers']): Found {
  const all = [...answers]
  const failed = all.flatMap(([request, answer]) => (answer.ok ? [] : [{ request, failure: answer.failure }]))
  const halting = failed.filter(({ failure }) => failure.verdict === 'halt')
  if (halting[0]) return { findings: { halt: reasonOf(halting[0].failure) }, requests: halting.map(one => one.request) }
  const refused = failed.filter(({ failure }) => isRefusal(ports, failure))
  // A batch may be answered with 200 although each of its elements has 403. This is no success. Otherwise a model that
  // refuses the requests of all users would never be halted.
  if (calls.some(({ ok }) => ok) && refused.length < all.length)
    return { findings: 'healthy', requests: all.flatMap(([request, { ok }]) => (ok ? [request] : [])) }
  if (refused[0]) {
    // One request may be the reason why a whole batch is refused. A 403 halts the model only if requests of two users
    // get it, so a refused batch counts as a request of one user.
    const isOfBatch = all.some(([, answer]) => !answer.ok && answer.batchSize > 1)
    const requests = (isOfBatch ? refused.slice(0, 1) : refused).map(one => one.request)
    return { findings: { refused: reasonOf(refused[0].failure) }, requests }
  }
  const requests = all.map(([request]) => request)
  const failures = calls.flatMap(call => (!call.ok && call.verdict === 'retry' ? [call] : []))
  if (failures.length < calls.length) {
    const isRefusal = calls.every(call => call.ok || (call.status ?? 0) >= 300)
    return { findings: 'healthy', requests: [], is_refusal: isRefusal }
  }
  const counted = failures.filter(failure => !saysWhen(failure))
  return { findings: counted.length > 0 ? { failures: counted.length } : 'nothing', requests }
}

/** Returns whether a failure is a 403 for which pipeline.yaml has no rule. */
const isRefusal = ({ settings: { retry } }: WorkerPorts, { verdict, status, configured }: ModelFailure): boolean =>
  verdict === 'drop' && status === 403 && !configured && !retry.drop_on.includes(403)

/**
 * Returns the pause that the model asks for, in milliseconds. Unlike the result of `pauseOf`, it has no upper limit,
 * because the model's state keeps also a long pause.
 */
const askedPauseOf = ({ retry_after_ms = 0 }: ModelFailure): number => retry_after_ms

const reasonOf = (failure: ModelFailure): HaltReason => ({
  code: failure.code,
  status: failure.status,
  reason: failureSentence(failure),
})

/**
 * Returns a permit with which no call was made. Then another call may use its probe (the right to test a stopped model)
 * or its lease (the right to the one call that the model takes at a time).
 */
export async function returnPermit(ports: WorkerPorts, { probe, lease }: Granted): Promise<void> {
  await report(ports, { findings: 'nothing', probe, lease })
}

/**
 * Reports to the flow control. Returns whether the model is halted now. A report that fails is not repeated, because it
 * only protects the model, and the outcomes of the requests must not wait for it. A probe or a lease that could not be
 * returned ends by itself when its worker is certainly gone.
 */
async function report({ flowControl, logger }: WorkerPorts, what: Report): Promise<boolean> {
  try {
    return (await flowControl.report(what)).halted
  } catch (error) {
    logger.error('the result of a call could not be reported to the flow control', { error: error as Error })
    return false
  }
}
