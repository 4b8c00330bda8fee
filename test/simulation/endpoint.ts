import type { Priority } from '../../functions/core/domain/ids.ts'
import type { ModelEndpoint } from '../../functions/core/inference/port.ts'
import { reaching } from '../../functions/core/platform/unavailable.ts'
import { answered } from '../support/failures.ts'
import { callIsMade, type MadeCall, type ModelReply, modelHasAnswered } from './check/flow-control.ts'
import { type Known, type ModelCall, runOf } from './check/known.ts'
import type { Invocation } from './invocation.ts'
import {
  BROKEN,
  FAILURES,
  HALTING,
  OUTAGES,
  type Output,
  REFUSED,
  REJECTED,
  type Refusal,
  SUCCESSES,
  TOO_FEW,
  USELESS,
} from './model-answers.ts'

/** A prompt that crashes every worker that calls the model with it. */
export const POISON = 'poison'
/** Prompts that make the model refuse the whole call. */
export const REFUSED_PROMPT = 'refused'
export const BREAKING_PROMPT = 'breaking'

/** A user for whose requests every call to the model fails. */
export const POISONOUS_USER = 'pia'

/** The input of the model for one request, as the request mapping makes it. */
interface Input {
  readonly request_id: string
  readonly attempt: number
  readonly prompt: string
  /** The request's `max_tokens`, if it has one. */
  readonly bound?: number
}

/** An input, and the run and the claim under which it is sent. */
interface Asked extends Input {
  readonly run: number
  readonly claim: string | undefined
}

/** The answer for one request: an output, or the refusal of the whole call. The mark is a unique text in the answer. */
interface Told {
  readonly mark: string
  readonly output: Output | undefined
  readonly refusal: Refusal | undefined
  readonly isFreeProbe: boolean
}

/** Counts one token per four bytes of the result's JSON text, rounded up. */
function quarterOfResult({ give }: Output, mark: string): number {
  const { result } = give(mark) as { result?: unknown }
  return result === undefined ? 0 : Math.ceil(Buffer.byteLength(JSON.stringify(result)) / 4)
}

/** Makes the endpoint of the simulated AI model. The choices of the history decide its answers. It records each call that arrives. */
export function endpointFor(known: Known, by: Invocation, failing: number): ModelEndpoint {
  const { world, items, calling } = known
  const weighed = <T>(options: readonly (readonly [number, T])[], factor: number) =>
    options.map(([weight, option]) => [weight * factor, option] as const)

  /** The refusal of the whole call. Undefined if each request gets its own answer. */
  function refusalOf(inputs: readonly Input[], isBatch: boolean): Refusal | undefined {
    if (world.isDown('model')) return world.choices.of(OUTAGES)
    if (usersOf(inputs).includes(POISONOUS_USER)) return BROKEN
    if (inputs.some(({ prompt }) => prompt === BREAKING_PROMPT)) return BROKEN
    if (inputs.some(({ prompt }) => prompt === REFUSED_PROMPT)) return REJECTED
    const own = isBatch ? [...FAILURES, [0.5, TOO_FEW] as const] : FAILURES
    return world.choices.of<Refusal | undefined>([
      [18, undefined],
      ...weighed(own, failing),
      // When the faults have stopped, the model works. Then a call fails only because of the content of its requests.
      ...(world.isAtRest() ? [] : weighed([...OUTAGES, ...HALTING], failing)),
    ])
  }

  const usersOf = (inputs: readonly Input[]): string[] =>
    inputs.flatMap(({ request_id }) => items.get(request_id)?.user_id ?? [])

  const outputOf = (isBatch: boolean): Output =>
    world.choices.of([...SUCCESSES, ...weighed(USELESS, failing), ...(isBatch ? [[1, REFUSED] as const] : [])])

  const priorityOf = (inputs: readonly Input[]): Priority | undefined =>
    items.get(inputs[0]?.request_id ?? '')?.priority

  /** Answers a call, and records the answer to each of its requests. */
  function answer(asked: readonly Asked[], isBatch: boolean, made: MadeCall): ModelReply {
    const refusal = refusalOf(asked, isBatch)
    const call = `call ${++known.arrived}`
    const outputs = asked.map(one => {
      const output = refusal ? undefined : outputOf(isBatch)
      const mark = output ? `${call} ${one.request_id}` : call
      const of = runOf(one.request_id, one.run)
      known.calls.set(of, [
        ...(known.calls.get(of) ?? []),
        modelCall(one, { mark, output, refusal, isFreeProbe: made.isFreeProbe }, asked.length),
      ])
      return output?.give(mark)
    })
    if (!refusal) known.succeeded.add(by.name)
    if (asked.some(({ prompt }) => prompt === POISON)) world.kill(by)
    const users = usersOf(asked)
    return { refusal, users, given: refusal?.give(call) ?? answered(isBatch ? { outputs } : outputs[0]) }
  }

  const modelCall = (
    { attempt, claim, prompt, bound }: Asked,
    { mark, output, refusal, isFreeProbe }: Told,
    size: number,
  ): ModelCall => ({
    attempt,
    claim,
    by: by.name,
    at: world.clock(),
    mark,
    isMarked: refusal?.isMarked === 'always' || (refusal?.isMarked === 'alone' && size === 1),
    answer: output?.answer ?? 'failure',
    tokens: output?.tokens,
    least: output && bound !== undefined ? Math.ceil(prompt.length / 4) + quarterOfResult(output, mark) : 0,
    company: refusal ? size : 1,
    isBatch: size > 1,
    retriable: refusal?.retriable ?? false,
    retryAfterMs: refusal?.retryAfterMs ?? 0,
    // If a probe finds that the model is still halted or in a pause, the probe is not charged.
    reached: (refusal?.reached ?? true) && !(isFreeProbe && refusal?.retriable),
    isFree: refusal?.halts === true || (isFreeProbe && refusal?.retriable === true),
    mayBeFree: refusal?.halts === 'maybe',
  })

  return {
    prepare: async () => undefined,
    call: async (requestId, body) => {
      const isBatch = requestId === undefined
      const inputs = isBatch ? (body as { inputs: Input[] }).inputs : [body as Input]
      // The item is read when the call is made. The call may arrive after its worker has ended, when the request may be in another run.
      const asked = inputs.map((input): Asked => {
        const item = items.get(input.request_id)
        return { ...input, run: item?.run ?? 0, claim: item?.claim_id }
      })
      for (const { request_id } of inputs) {
        if (calling.get(request_id)?.state === 'running')
          world.violate(`I7 the model is called twice at once for ${request_id}`)
        calling.set(request_id, by)
      }
      const call = callIsMade(known, by, usersOf(inputs), priorityOf(inputs))
      try {
        const label = () => `calls the model for ${inputs.map(({ request_id }) => request_id).join(', ')}`
        const reply = await reaching("the endpoint's secret", () =>
          world.call(by, 'model', label, () => answer(asked, isBatch, call)),
        )
        modelHasAnswered(known, by, reply)
        return reply.given
      } finally {
        call.isOver = true
        for (const { request_id } of inputs) if (calling.get(request_id) === by) calling.delete(request_id)
      }
    },
  }
}
