import type { Hints } from '../core/domain/messages.ts'
import type { Permit } from '../core/flow-control/port.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import type { DeliverySpans } from '../core/queue/trace-delivery.ts'
import { callModel, hasTimeForCall, mapRequest, whileTimeForCall } from './call-model.ts'
import { claimRequest, keepIfWanted } from './claim-request.ts'
import { deferCall, deferForPermit, deferUncalled, ReleasedClaim } from './defer.ts'
import { giveAttemptBack } from './give-back.ts'
import { awaitPermit, isDueSoon, permitCall } from './permit-call.ts'
import { inSmallerBatch } from './plan-batch.ts'
import type { WorkerPorts } from './ports.ts'
import { reportCalls, returnPermit } from './report-calls.ts'
import { resolveOutcome } from './resolve-outcome.ts'
import type { Called, CallPermit, Claimed, Granted, Invocation, Mapped, Planned, Told, Undone } from './types.ts'

/**
 * Processes the requests of one call: it gets a permit (the permission of the flow control for the call), claims and
 * maps each request, calls the model, and resolves each answer. If the permit or an item does not allow the call, it
 * defers or drops the message. The worker asks for the permit before it claims, so that a request that has to wait
 * keeps its attempt (I8). Returns the requests that failed. All other messages may be acknowledged. If the same message
 * is processed twice, even at the same time, the model is called only once for its request, because only one worker
 * gets the claim. Never rejects.
 */
export async function processCall(
  ports: WorkerPorts,
  requests: readonly Planned[],
  invocation: Invocation,
): Promise<readonly Undone[]> {
  const { forEach, forAll, undone } = settleEach(invocation.spans)
  const wanted = await forEach(requests, request => wantsCall(ports, request))
  const permit = await forAll(wanted, () => prepareCall(ports, wanted, invocation))
  if (!permit) return undone
  if (!isDueSoon(ports, permit)) {
    await forEach(wanted, one => deferForPermit(ports, one.message, permit, one === wanted[0]))
    return undone
  }
  const claimed = await forEach(wanted, one => claimRequest(ports, one, invocation))
  // A slow mapping must not use up the time that the call for the other requests needs.
  const inTime = whileTimeForCall(ports, invocation)
  const late = (one: Claimed) =>
    deferUncalled(ports, one, message => deferCall(ports, message, inSmallerBatch(claimed.length)))
  const mapped = await forEach(claimed, one => mapRequest(ports, one, inTime, late))
  if (mapped.length === 0) await returnPermit(ports, permit)
  const result = await forAll(mapped, () => callWhenDue(ports, mapped, permit, invocation))
  if (result) await forEach(mapped, one => resolve(ports, one, result, one === mapped[0]))
  return undone
}

/**
 * Runs steps for several requests, each in the span of its delivery. If a step fails for a request, the request is
 * added to `undone`, and the next steps leave it out.
 */
function settleEach(spans: DeliverySpans) {
  const undone: Undone[] = []
  return {
    undone,
    async forEach<In extends Planned, Out>(
      list: readonly In[],
      step: (request: In) => Promise<Out | undefined>,
    ): Promise<Out[]> {
      const outs = await Promise.all(
        list.map(async request => {
          try {
            return await spans.of(request.delivery).run(() => step(request))
          } catch (error) {
            undone.push(undoneBy(request, error))
            return undefined
          }
        }),
      )
      return outs.filter(out => out !== undefined)
    },
    async forAll<Out>(list: readonly Planned[], step: () => Promise<Out>): Promise<Out | undefined> {
      if (list.length === 0) return undefined
      const [only] = list
      try {
        return await (only && list.length === 1 ? spans.of(only.delivery).run(step) : step())
      } catch (error) {
        undone.push(...list.map(request => ({ request, error, shared: list.length > 1 })))
        return undefined
      }
    },
  }
}

/**
 * Makes the entry of a request whose step failed. If the request's claim was released, the request counts as unclaimed,
 * because another worker may have claimed it by now, and a defect here must not end that worker's attempt.
 */
function undoneBy(request: Planned, error: unknown): Undone {
  if (!(error instanceof ReleasedClaim)) return { request, error, shared: false }
  const { delivery, message, isolated } = request
  return { request: { delivery, message, isolated }, error: error.cause, shared: false }
}

/**
 * Returns the request if it still needs a call. Otherwise its message was already dropped or deferred, or the request
 * was ended. The item is read here only if the deadline has passed, or if a slot of the rate limit could be wasted. In
 * all other cases, the claim checks the item, so a read before it would only cost time and money.
 */
async function wantsCall(ports: WorkerPorts, request: Planned): Promise<Planned | undefined> {
  const isOver = request.message.deadline <= ports.clock()
  return isOver || ports.settings.rate_limit ? keepIfWanted(ports, request) : request
}

async function prepareCall(
  ports: WorkerPorts,
  wanted: readonly Planned[],
  invocation: Invocation,
): Promise<CallPermit> {
  const messages = wanted.map(({ message }) => message)
  await ports.endpoint.prepare()
  return permitCall(ports, messages, invocation)
}

type CallResult =
  | ({ readonly kind: 'called'; readonly started_at: number } & Called & Told)
  /** The permit that holds now does not allow a call at this time. */
  | { readonly kind: 'not permitted'; readonly permit: Permit }
  /** The call could not be made. The hints go into its messages when they are deferred. */
  | { readonly kind: 'not called'; readonly hints: Hints }

/** Waits for the time of the permit, and calls the model if the call is still permitted and possible then. */
async function callWhenDue(
  ports: WorkerPorts,
  requests: readonly Mapped[],
  asked: CallPermit & Granted,
  invocation: Invocation,
): Promise<CallResult> {
  const { slot_of } = asked
  // The message of one request holds the slot. If that request is not among the claimed ones, another worker may have
  // claimed it and made a call in this slot. Then this call needs another slot, so that one slot never serves two
  // calls.
  const mayUse = !slot_of || requests.some(({ message }) => message.request_id === slot_of.request_id)
  let permit: Permit = asked
  try {
    permit = await awaitPermit(ports, asked, invocation, mayUse)
    if (!permit.granted || permit.at > ports.clock()) return { kind: 'not permitted', permit }
    if (!hasTimeForCall(ports, invocation)) return await withoutCall(ports, permit, inSmallerBatch(requests.length))
    const startedAt = ports.clock()
    const called = await callModel(ports, requests, permit, invocation)
    const told = await reportCalls(ports, permit, called)
    return { kind: 'called', started_at: startedAt, ...called, ...told }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    ports.logger.error('the model could not be called; the requests of the call are deferred', { error })
    return withoutCall(ports, permit, {})
  }
}

async function withoutCall(ports: WorkerPorts, permit: Permit, hints: Hints): Promise<CallResult> {
  if (permit.granted) await returnPermit(ports, permit)
  return { kind: 'not called', hints }
}

const passedBy = (request: Mapped, { passages }: Called): Mapped => {
  const passage = passages?.get(request)
  return passage ? { ...request, passage } : request
}

/** Resolves the answer for a request, or defers the request if no call was made for it. */
async function resolve(ports: WorkerPorts, request: Mapped, result: CallResult, isFirst: boolean): Promise<void> {
  switch (result.kind) {
    case 'called': {
      const answer = result.answers.get(request)
      if (!answer || answer.ok || !result.is_free(answer.failure))
        return answer && resolveOutcome(ports, passedBy(request, result), answer, result.started_at)
      const times = { started_at: result.started_at, completed_at: ports.clock() }
      const earlier = answer.calls?.slice(0, -1) ?? []
      const reached = earlier.some(failure => failure.reached && !result.is_free(failure))
      return giveAttemptBack(ports, request, { ...answer.failure, reached }, times)
    }
    case 'not permitted':
      return deferUncalled(ports, request, message => deferForPermit(ports, message, result.permit, isFirst))
    case 'not called':
      return deferUncalled(ports, request, message => deferCall(ports, message, result.hints))
  }
}
