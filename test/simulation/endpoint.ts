import type { ModelAnswer, ModelEndpoint } from '../../functions/inference/port.ts'
import { reaching } from '../../functions/platform/unavailable.ts'
import { callsOf, type Known, type ModelCall, runOf } from './check/known.ts'
import type { Invocation } from './invocation.ts'

/** A prompt that takes every worker with it. */
export const POISON = 'poison'

type Answer = Omit<ModelCall, 'attempt' | 'mark'> & { readonly give: (mark: string) => ModelAnswer }

const success = (tokens: number | undefined, filling = ''): Answer => ({
  answer: 'success',
  tokens,
  give: mark => ({
    ok: true,
    answer: {
      result: { mark, filling },
      ...(tokens === undefined ? {} : { usage: { prompt_tokens: 1, completion_tokens: tokens - 1 } }),
    },
  }),
})
const failure = (code: 'model_error' | 'model_rejected' | 'model_timeout' | 'invalid_model_response'): Answer => ({
  answer: 'failure',
  tokens: undefined,
  give: mark => ({ ok: false, code, message: `the model failed (${mark})`, reached: true }),
})
const useless = (answer: unknown): Answer => ({
  answer: 'useless answer',
  tokens: undefined,
  give: () => ({ ok: true, answer }),
})

/** Larger than what fits into a message or a row. */
const LARGE = 'x'.repeat(50_000)

const SUCCESSES: readonly (readonly [number, Answer])[] = [
  [8, success(3)],
  [4, success(9)],
  [2, success(30)],
  [3, success(undefined)],
  [1, success(5, '\u{1f600}\uffff"\\\u2028')],
  [0.4, success(4, LARGE)],
]
const FAILURES: readonly (readonly [number, Answer])[] = [
  [4, failure('model_error')],
  [1, failure('model_rejected')],
  [1, failure('model_timeout')],
  [1, failure('invalid_model_response')],
  [0.5, useless({ text: 'no result' })],
  [0.5, useless({ result: 1, usage: { prompt_tokens: -5 } })],
]

/** A model that answers whatever the history chooses, and notes each call that arrives. */
export function endpointFor(
  known: Known,
  by: Invocation,
  calling: Map<string, Invocation>,
  failing: number,
): ModelEndpoint {
  const { world, items, calls } = known
  const answers = [...SUCCESSES, ...FAILURES.map(([weight, answer]) => [weight * failing, answer] as const)]
  return {
    prepare: async () => undefined,
    call: async (requestId = '', body) => {
      const { attempt, prompt } = body as { attempt: number; prompt: string }
      const run = items.get(requestId)?.run ?? 0
      if (calling.get(requestId)?.state === 'running')
        world.violate(`I7 the model is called twice at once for ${requestId}`)
      calling.set(requestId, by)
      const answer = () => {
        const { give, answer, tokens } = world.choices.of(answers)
        const mark = `${requestId} ${run}.${attempt}`
        const call = { attempt, mark, answer, tokens }
        calls.set(runOf(requestId, run), [...callsOf(known, requestId, run), call])
        if (prompt === POISON) world.kill(by)
        return give(mark)
      }
      try {
        const label = () => `calls the model for ${requestId}`
        return await reaching("the endpoint's secret", () => world.call(by, 'model', label, answer))
      } finally {
        if (calling.get(requestId) === by) calling.delete(requestId)
      }
    },
  }
}
