import type { Priority } from '../../../functions/core/domain/ids.ts'
import { type CircuitView, hasLearned, viewOf, withoutFailures } from '../../../functions/core/flow-control/admin.ts'
import { compareAndSwap } from '../../../functions/core/flow-control/compare-and-swap.ts'
import { type Halt, type ModelState, UNTOUCHED } from '../../../functions/core/flow-control/state.ts'
import { iso } from '../../../functions/core/platform/clock.ts'
import { Unavailable } from '../../../functions/core/platform/unavailable.ts'
import { queueName } from '../../../functions/core/queue/names.ts'
import type { Admin } from '../admin.ts'
import { Refusal } from '../refusal.ts'
import { countEnded, type ModelRequests, requestsOf } from './model-requests.ts'
import { type OpenPorts, openRequests } from './open-requests.ts'

/**
 * The description of a model for operators: the reasons that defer its calls, its last failure, and its waiting
 * requests. Times are ISO 8601.
 */
export interface ModelView extends ModelRequests {
  readonly model: string
  /**
   * Set if the model is halted: it is not called, because a retry can't fix its error, until a probe succeeds or until
   * `models reset`.
   */
  readonly halted?: HaltView | undefined
  readonly circuit: Omit<CircuitView, 'until'> & { readonly until?: string | undefined }
  /** The time until which the model has asked for no calls. */
  readonly paused_until?: string | undefined
  /** While a long pause lasts (`paused_until`): the time at which the next probe finds out whether the model takes calls again. */
  readonly tried_at?: string | undefined
  readonly rate_limit?:
    | {
        /** Calls of the last interval. */
        readonly used: number
        readonly count: number
        readonly interval_ms: number
        /** The first slot that is not granted yet. Absent if a call may begin now. */
        readonly next_turn?: string | undefined
        /** The approximate time of the slot of the last request in the backlog. Absent if the backlog is empty. */
        readonly line_until?: string | undefined
      }
    | undefined
  /**
   * The approximate number of messages. Deferred messages are counted with SQS, and not with RabbitMQ. Messages of
   * running requests are not counted.
   */
  readonly waiting: Readonly<Record<Priority, number>>
}

export interface HaltView extends Pick<Halt, 'code' | 'status' | 'reason'> {
  readonly since: string
  /** The time from which the next probe may be made. */
  readonly next_probe: string
  /** How often the model was halted in a row: by the first call, and by each failed probe. */
  readonly times: number
}

const haltView = ({ since, until, ...halt }: Halt): HaltView => ({
  ...halt,
  since: new Date(since).toISOString(),
  next_probe: new Date(until).toISOString(),
})

type ModelPorts = Pick<Admin, 'modelStates' | 'models' | 'countWaiting' | 'clock' | 'failures' | 'ledger'> & OpenPorts

/** Describes every model of the pipeline file that is in effect, in the order of the file. Rejects with `Unavailable` if the service can't be reached. */
export async function listModels(ports: ModelPorts): Promise<ModelView[]> {
  const [ended, open] = [countEnded(ports), openRequests(ports)]
  return Promise.all(
    Object.keys(ports.models).map(async model => {
      const [state = UNTOUCHED, waiting, requests, counts] = await Promise.all([
        ports.modelStates.read(model),
        waitingFor(ports, model),
        open.then(found => requestsOf(ports, model, found)),
        ended,
      ])
      const lastHour = counts && (counts.get(model) ?? { ended: 0, failed: 0 })
      return { ...describe(ports, model, state, waiting), ...(lastHour && { last_hour: lastHour }), ...requests }
    }),
  )
}

async function waitingFor({ countWaiting }: ModelPorts, model: string): Promise<ModelView['waiting']> {
  const [high, normal] = await Promise.all([
    countWaiting(queueName(model, 'high')),
    countWaiting(queueName(model, 'normal')),
  ])
  return { high, normal }
}

function describe(
  { models, clock }: ModelPorts,
  model: string,
  state: ModelState,
  waiting: ModelView['waiting'],
): ModelView {
  const policies = models[model] ?? {}
  const now = clock()
  const { halted, circuit, paused_until, tried_at, rate_limit } = viewOf(state, now, policies)
  return {
    model,
    ...(halted && { halted: haltView(halted) }),
    circuit: { ...circuit, until: iso(circuit.until) },
    paused_until: iso(paused_until),
    tried_at: iso(tried_at),
    rate_limit: rate_limit &&
      policies.rate_limit && {
        used: rate_limit.used,
        ...policies.rate_limit,
        next_turn: rate_limit.next > now ? iso(rate_limit.next) : undefined,
        line_until: rate_limit.backlog !== undefined && rate_limit.backlog > now ? iso(rate_limit.backlog) : undefined,
      },
    waiting,
  }
}

/**
 * The effect of a reset. `reset` is false if the model had no halt, pause, open circuit or failures, so that nothing
 * was changed. `held_until` is the time at which calls would have been made again without the reset. It is absent if
 * nothing deferred the calls.
 */
export interface Reset {
  readonly model: string
  readonly reset: boolean
  /** ISO 8601. */
  readonly held_until?: string | undefined
}

/**
 * Ends a model's halt and its pause, closes its circuit and removes its failures, for an operator who knows that the
 * model works again. The rate limit stays. If the model does not work, further failures halt it or open its circuit
 * again. Throws `Refusal` for a model that does not exist, and `Unavailable` if a service can't be reached.
 */
export async function resetModel(
  {
    modelStates,
    models,
    clock,
    ...ports
  }: Pick<Admin, 'modelStates' | 'models' | 'clock' | 'ids' | 'sleep' | 'random'>,
  model: string,
): Promise<Reset> {
  if (!Object.hasOwn(models, model))
    throw new Refusal(`there is no model ${model}: the models are ${Object.keys(models).join(', ')}`)
  const known = (await modelStates.read(model)) ?? UNTOUCHED
  const swapped = await compareAndSwap({ ...ports, store: modelStates }, model, known, state => ({
    state: hasLearned(state, clock()) ? withoutFailures(state) : state,
    answer: undefined,
  }))
  if (!swapped) throw new Unavailable('the state of the model', new Error('it keeps changing'))
  const { before, after } = swapped
  return after === before ? { model, reset: false } : { model, reset: true, held_until: heldUntil(before, clock()) }
}

function heldUntil({ open, halted, paused_until = 0 }: ModelState, now: number): string | undefined {
  const until = Math.max(open?.until ?? 0, halted?.until ?? 0, paused_until)
  return until > now ? iso(until) : undefined
}
