import type { Hints, InferenceMessage } from '../core/domain/messages.ts'
import type { Permit } from '../core/flow-control/port.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import { type Called, callForMany, callForOne, hasTimeForCall, type Mapped } from './call-model.ts'
import { lookFirst } from './claim-request.ts'
import { sendLater, withHints } from './defer.ts'
import { fetchAndClaim, mapRequest, whileTimeFor } from './map-request.ts'
import { askPermit, awaitTurn, type CallPermit, isSoon, putBackFor } from './permit.ts'
import { inSmaller, type Member } from './plan-batch.ts'
import type { Invocation, WorkerPorts } from './ports.ts'
import { reportCalls, reportNoCall } from './report-calls.ts'
import { requeueUncalled } from './requeue.ts'
import { concludeCall } from './resolve-outcome.ts'
import { createSteps, type Undone } from './settle-each.ts'
import type { Claimed, Granted } from './types.ts'

/**
 * Runs the requests of some messages with one call: a permit for it, a claim of each request, the call, what follows for
 * each. Or puts messages back for later, or drops them, as their items say. Permits come before claims, so that waiting
 * changes no state (I8). Answers with the messages that could not be dealt with; all others may be acknowledged. Repeated,
 * or at once with itself, the model is called for a request by one of them. Never rejects.
 */
export async function runTogether(
  ports: WorkerPorts,
  members: readonly Member[],
  invocation: Invocation,
): Promise<readonly Undone[]> {
  const { forEach, forAll, undone } = createSteps()
  const wanted = await forEach(members, member => wantsCall(ports, member))
  const permit = await forAll(wanted, () => prepareCall(ports, wanted, invocation))
  if (!permit) return undone
  if (!isSoon(ports, permit)) {
    await forEach(wanted, one => putBackFor(ports, one.message, permit, one === wanted[0]))
    return undone
  }
  const fetched = await forEach(wanted, one => fetchAndClaim(ports, one, invocation))
  // Of what a hostile prompt takes, the call of all others must be left its time.
  const inTime = whileTimeFor(ports, invocation)
  const late = (one: Claimed) =>
    requeueUncalled(ports, one, message => callLater(ports, message, inSmaller(fetched.length)))
  const mapped = await forEach(fetched, one => mapRequest(ports, one, inTime, late))
  if (mapped.length === 0) await reportNoCall(ports, permit)
  const outcome = await forAll(mapped, () => callInTurn(ports, mapped, permit, invocation))
  if (!outcome) return undone
  await forEach(mapped, async one => {
    if ('putBack' in outcome) return requeueUncalled(ports, one, message => outcome.putBack(message, one === mapped[0]))
    const answer = outcome.answers.get(one)
    if (answer) await concludeCall(ports, one, answer, outcome.started_at)
  })
  return undone
}

/** The message, if there is something to run; otherwise it has been dealt with. */
async function wantsCall(ports: WorkerPorts, member: Member): Promise<Member | undefined> {
  const isOver = member.message.deadline <= ports.clock()
  return isOver || ports.settings.rate_limit ? lookFirst(ports, member) : member
}

async function prepareCall(ports: WorkerPorts, wanted: readonly Member[], invocation: Invocation): Promise<CallPermit> {
  await ports.endpoint.prepare()
  return askPermit(
    ports,
    wanted.map(({ message }) => message),
    invocation,
  )
}

interface CalledAt extends Called {
  readonly started_at: number
}

/** No call was made: how the messages go back to their queue. */
interface NotCalled {
  readonly putBack: (message: InferenceMessage, isFirst: boolean) => Promise<void>
}

/** Calls when it is time to, if that is still to be, and can be. */
async function callInTurn(
  ports: WorkerPorts,
  requests: readonly Mapped[],
  asked: CallPermit & Granted,
  invocation: Invocation,
): Promise<CalledAt | NotCalled> {
  const { turn_of } = asked
  // A request that is not among these takes its turn along: where it is claimed, the call may have been made in that.
  const mayUse = !turn_of || requests.some(({ message }) => message.request_id === turn_of.request_id)
  let permit: Permit = asked
  try {
    permit = await awaitTurn(ports, asked, invocation, mayUse)
    if (!permit.granted || permit.at > ports.clock())
      return { putBack: (message, isFirst) => putBackFor(ports, message, permit, isFirst) }
    if (!hasTimeForCall(ports, invocation)) return await withoutCall(ports, permit, inSmaller(requests.length))
    const started_at = ports.clock()
    const called = await call(ports, requests, invocation)
    await reportCalls(ports, permit, called.calls)
    return { ...called, started_at }
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error
    ports.logger.error('a call could not be made, and its requests go back to the queue', { error })
    return withoutCall(ports, permit, {})
  }
}

async function withoutCall(ports: WorkerPorts, permit: Permit, hints: Hints): Promise<NotCalled> {
  if (permit.granted) await reportNoCall(ports, permit)
  return { putBack: message => callLater(ports, message, hints) }
}

/** What needs a call that could not be made is there again after so long. Milliseconds. */
const CALL_LATER_MS = 5_000

/** Puts a message back whose call could not be made; a turn that it had is over by then. */
const callLater = (ports: WorkerPorts, message: InferenceMessage, hints: Hints): Promise<void> =>
  sendLater(ports, withHints(message, { turn: undefined, ...hints }), ports.clock() + CALL_LATER_MS)

function call(ports: WorkerPorts, requests: readonly Mapped[], invocation: Invocation): Promise<Called> {
  const [only] = requests
  return only && !ports.settings.batched ? callForOne(ports, only) : callForMany(ports, requests, invocation)
}
