import { type Hints, InferenceMessage } from '../../functions/core/domain/messages.ts'
import type { ModelAnswer } from '../../functions/core/inference/port.ts'
import { aRetry } from './failures.ts'
import { aMessage } from './requests.ts'
import { type Asked, aWorker, type WorkerSettings } from './worker.ts'

const RETRY = aRetry({ attempts: 3 })
/** The prompts in one call to the model. */
export const promptsOf = ({ body }: Asked): string[] =>
  (body as { inputs: { input: string }[] }).inputs.map(one => one.input)
export const tokens = (n: number) => ({ prompt_tokens: n, completion_tokens: 0, total_tokens: n })
/** A model that answers each prompt with the same text, and counts its characters as tokens. */
export const echo = (prompts: readonly string[]): ModelAnswer => ({
  ok: true,
  answer: { outputs: prompts.map(prompt => ({ result: prompt, usage: tokens(prompt.length) })) },
})

/** A worker of a model with batches. `answer` makes the model's answer from the prompts of a call. */
export function aBatchWorker(
  answer: (prompts: string[], asked: Asked) => ModelAnswer = echo,
  settings: WorkerSettings = {},
) {
  const worker = aWorker(asked => answer(promptsOf(asked), asked), { batched: true, retry: RETRY, ...settings })
  const { create } = worker
  /** Creates requests with these prompts, and returns their messages. */
  const messagesOf = (prompts: readonly string[], hints?: Hints) =>
    Promise.all(prompts.map(async prompt => ({ ...aMessage(await create(), { prompt }), hints })))
  const hintsSent = () => worker.deferred().map(({ body }) => InferenceMessage.parse(body).hints)
  const byStatus = (status: string) => worker.outcomes().filter(one => one.status === status)
  return { ...worker, messagesOf, hintsSent, byStatus }
}
/** The prompts of each call to the model. */
export const calls = (asked: readonly Asked[]) => asked.map(promptsOf)
