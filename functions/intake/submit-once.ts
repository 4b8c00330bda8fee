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

/** A message is given a new request when its old one was taken back, or looked at again when a twin was quicker. */
const ROUNDS = 5

export type Once = Accepted | { readonly refusal: Refusal }

/** A message by a name that no other has, and what it asks for. */
export interface Message {
  readonly key: string
  readonly order: Order
  /** It may not be admitted any more, unless it was. */
  readonly given_up: boolean
}

/**
 * Admits a message or refuses it, once, however often it is delivered and wherever an earlier try stopped: what it is
 * bound to says which, and who is admitted or refused there first has decided. Rejects with `Unavailable`; then the next
 * delivery goes on.
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

/** Accepted, or what the message is bound to now: its refusal, or a request to look at. */
async function tryOnce(ports: IntakePorts, message: Message, request_id: string): Promise<Accepted | InputBinding> {
  const { inputs, clock } = ports
  const { key, order } = message
  const judged = await judge(ports, message, request_id)
  if ('refusal' in judged) return inputs.refuse(order.user_id, key, request_id, judged.refusal, clock())
  const { item } = judged
  const bound = await inputs.admit(order.user_id, key, request_id, clock())
  if ('refusal' in bound || bound.request_id !== request_id) {
    // A twin was refused before, or found the request taken back: nobody may be admitted under its id any more.
    await rejectAbsent(ports, { ...item, status: 'rejected', completed_at: clock() })
    return bound
  }
  return (await accept(ports, judged, order.submission)) ?? bound
}

/** A reservation for the request, or why it has none. */
async function judge(
  ports: IntakePorts,
  { order, given_up }: Message,
  request_id: string,
): Promise<Accepted | { readonly refusal: Refusal }> {
  try {
    if (given_up) throw new RequestError('unavailable', 'the message was received many times and could not be admitted')
    const prepared = await prepare(ports, ports.settings, ports.route, await callerOf(ports, order), order.submission)
    // The rate is of calls: how fast messages of a queue are taken, the intake itself says.
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

/** As the authorizer tells the gateway; a user whom nobody has set has the default plan. */
async function callerOf({ users, settings }: IntakePorts, { user_id }: Order) {
  const user = await users.user(user_id)
  if (user?.disabled_at !== undefined) throw new RequestError('user_disabled', 'an operator has disabled this user')
  return { user_id, plan: user?.plan ?? settings.quotas.default_plan, ...user?.overrides }
}
