import { type Accepted, accept } from '../core/admission/accept.ts'
import { admit } from '../core/admission/admit.ts'
import { prepare } from '../core/admission/prepare.ts'
import { refuse } from '../core/admission/refuse.ts'
import { type Bound, type BoundKey, submitBound } from '../core/admission/submit-bound.ts'
import { type Refusal, RequestError } from '../core/domain/errors.ts'
import { rejectAbsent } from '../core/lifecycle/reject-request.ts'
import { toRequestError } from '../core/platform/request-error.ts'
import { Defect, Unavailable } from '../core/platform/unavailable.ts'
import type { InputBinding } from '../core/stores/idempotency/port.ts'
import type { Order } from './input.ts'
import type { IntakePorts } from './ports.ts'
import { keptRefusal } from './refusal.ts'

interface Refused {
  readonly refusal: Refusal
}
export type Once = Accepted | Refused

/** A message: its unique name, and its order (the submission and its user). */
export interface Message {
  readonly key: string
  readonly order: Order
  /**
   * Whether the message comes from the dead-letter queue. Such a message was received many times in vain. So it is
   * refused, unless an earlier delivery was admitted.
   */
  readonly given_up: boolean
}

/**
 * Admits or refuses a message once, however often it is delivered and wherever an earlier try stopped. The message is
 * bound to a request. The first delivery that admits or refuses the message decides. So a message becomes one request
 * or one dead letter, and is charged at most once. If it rejects with `Unavailable`, the next delivery continues.
 */
export async function submitOnce(ports: IntakePorts, message: Message): Promise<Once> {
  const { inputs, ids, clock } = ports
  const { user_id, submission } = message.order
  const key: BoundKey<Refused> = {
    user_id,
    submission,
    bind: async id => boundOf(await inputs.bind(user_id, message.key, id, clock())),
    rebind: async (from, id) => boundOf(await inputs.rebind(user_id, message.key, from, id, clock())),
    admit: id => tryOnce(ports, message, id),
  }
  return submitBound(ports, key, ids.request(clock()))
}

const boundOf = (binding: InputBinding): Bound<Refused> => ('refusal' in binding ? { final: binding } : binding)

/**
 * Tries to admit the message under the id of a request. Returns the accepted request, or the refusal or the request to
 * which the message is bound now.
 */
async function tryOnce(ports: IntakePorts, message: Message, requestId: string): Promise<Accepted | Bound<Refused>> {
  const { inputs, clock } = ports
  const { key, order } = message
  const judged = await judge(ports, message, requestId)
  if ('refusal' in judged) return boundOf(await inputs.refuse(order.user_id, key, requestId, judged.refusal, clock()))
  const { item } = judged
  const bound = boundOf(await inputs.admit(order.user_id, key, requestId, clock()))
  if ('final' in bound || bound.request_id !== requestId) {
    // Another delivery has refused the message, or has found that the request was withdrawn. So no request may be
    // admitted under this id any more. The tombstone (an item with the status `rejected`) prevents this, and the
    // reservation is released.
    await rejectAbsent(ports, { ...item, status: 'rejected', completed_at: clock() })
    return bound
  }
  return (await accept(ports, judged, order.submission)) ?? bound
}

/** Makes the reservation of the request in its user's quota. Returns the admission, or the refusal. */
async function judge(ports: IntakePorts, { order, given_up }: Message, requestId: string): Promise<Once> {
  try {
    if (given_up) throw new RequestError('unavailable', 'the message was received many times and could not be admitted')
    const prepared = await prepare(ports, ports.settings, ports.route, await callerOf(ports, order), order.submission)
    // `rate` limits HTTP calls only. The intake itself decides how fast it takes the messages of a queue.
    const limits = { ...prepared.limits, rate: undefined }
    const attempt = { ...prepared, limits, request: { ...prepared.request, request_id: requestId } }
    const verdict = await admit(ports, attempt, async () => undefined)
    if (verdict.admitted) return verdict
    throw refuse(verdict, attempt, ports.clock())
  } catch (error) {
    if (error instanceof Unavailable || error instanceof Defect) throw error
    return { refusal: keptRefusal(toRequestError(error, ports.logger)) }
  }
}

/**
 * Returns the user of a message, with the same fields as the authorizer gives to the gateway. A message can name any
 * user. So a user without a record is refused. Otherwise each misspelled name would be a new user with its own quota.
 */
async function callerOf({ users }: IntakePorts, { user_id }: Order) {
  const user = await users.user(user_id)
  if (!user) throw new RequestError('unknown_user', NO_SUCH_USER)
  if (user.disabled_at !== undefined) throw new RequestError('user_disabled', 'an operator has disabled this user')
  return { user_id, plan: user.plan, ...user.overrides }
}

const NO_SUCH_USER =
  'there is no user of this id: an operator makes one with `sluice users set` or `sluice keys create`, and then redrives this message'
