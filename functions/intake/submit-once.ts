import { type Accepted, accept, acceptAgain } from '../core/admission/accept.ts'
import { admit } from '../core/admission/admit.ts'
import { prepare } from '../core/admission/prepare.ts'
import { refuse } from '../core/admission/refuse.ts'
import { type Refusal, RequestError } from '../core/domain/errors.ts'
import { rejectAbsent } from '../core/lifecycle/reject-request.ts'
import { toRequestError } from '../core/platform/request-error.ts'
import { Unavailable } from '../core/platform/unavailable.ts'
import type { InputBinding } from '../core/stores/idempotency/port.ts'
import type { Order } from './input.ts'
import type { IntakePorts } from './ports.ts'
import { keptRefusal } from './refusal.ts'

/** The most rounds for a message. A round begins when its request was taken back, or a twin was quicker. */
const ROUNDS = 5

export type Once = Accepted | { readonly refusal: Refusal }

/** A message, its unique name, and what it asks for. */
export interface Message {
  readonly key: string
  readonly order: Order
  /** Whether its queue has given it up. Then it is not admitted any more, unless it was admitted before. */
  readonly given_up: boolean
}

/**
 * Admits or refuses a message once, even if it is delivered often, or an earlier try stopped midway. The binding of the message
 * holds the decision: the first try that is admitted or refused decides. Rejects with `Unavailable`; then the next delivery
 * goes on.
 */
export async function submitOnce(ports: IntakePorts, message: Message): Promise<Once> {
  const { inputs, items, ids, clock } = ports
  const { key, order } = message
  const first = ids.request(clock())
  let bound = await inputs.bind(order.user_id, key, first, clock())
  for (let round = 0; round < ROUNDS; round++) {
    if ('refusal' in bound) return bound
    const { request_id } = bound
    const isNew = round === 0 && request_id === first
    const item = isNew ? undefined : await items.get(order.user_id, request_id)
    if (item && item.status !== 'rejected') return acceptAgain(ports, item, order.submission)
    if (item) bound = await inputs.rebind(order.user_id, key, request_id, ids.request(clock()), clock())
    else {
      const tried = await tryOnce(ports, message, request_id)
      if ('item' in tried) return tried
      bound = tried
    }
  }
  throw new Unavailable('the message', new Error('its request was taken back, or is being admitted'))
}

/** Tries to admit a message. Answers with the accepted request, or with the binding that the message has now. */
async function tryOnce(ports: IntakePorts, message: Message, request_id: string): Promise<Accepted | InputBinding> {
  const { inputs, clock } = ports
  const { key, order } = message
  const judged = await judge(ports, message, request_id)
  if ('refusal' in judged) return inputs.refuse(order.user_id, key, request_id, judged.refusal, clock())
  const { item } = judged
  const bound = await inputs.admit(order.user_id, key, request_id, clock())
  if ('refusal' in bound || bound.request_id !== request_id) {
    // A twin was refused before, or found the request taken back. The request's id must not be admitted any more.
    await rejectAbsent(ports, { ...item, status: 'rejected', completed_at: clock() })
    return bound
  }
  return (await accept(ports, judged, order.submission)) ?? bound
}

/** Reserves quota for the request. Answers with the reservation, or with the refusal. */
async function judge(
  ports: IntakePorts,
  { order, given_up }: Message,
  request_id: string,
): Promise<Accepted | { readonly refusal: Refusal }> {
  try {
    if (given_up) throw new RequestError('unavailable', 'the message was received many times and could not be admitted')
    const prepared = await prepare(ports, ports.settings, ports.route, await callerOf(ports, order), order.submission)
    // The rate limits HTTP calls. The intake itself decides how fast it takes the messages of a queue.
    const limits = { ...prepared.limits, rate: undefined }
    const attempt = { ...prepared, limits, request: { ...prepared.request, request_id } }
    const verdict = await admit(ports, attempt, async () => undefined)
    if (verdict.admitted) return verdict
    throw refuse(verdict, attempt, ports.clock())
  } catch (error) {
    if (error instanceof Unavailable) throw error
    return { refusal: keptRefusal(toRequestError(error, ports.logger)) }
  }
}

/** The user, as the authorizer tells the gateway. A user without a record has the default plan. */
async function callerOf({ users, settings }: IntakePorts, { user_id }: Order) {
  const user = await users.user(user_id)
  if (user?.disabled_at !== undefined) throw new RequestError('user_disabled', 'an operator has disabled this user')
  return { user_id, plan: user?.plan ?? settings.quotas.default_plan, ...user?.overrides }
}
