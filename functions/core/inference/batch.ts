import * as z from 'zod'
import type { ModelAnswer, ModelFailure } from './port.ts'

/** The body of a call for many requests: the results of their mappings. */
export const batchBody = (inputs: readonly unknown[]) => ({ inputs })

/** The answers for the requests, in their order; or the failure of the whole call. */
export type Outputs = { readonly ok: true; readonly outputs: readonly ModelAnswer[] } | ModelFailure

const Answer = z.looseObject({ outputs: z.array(z.unknown()) })
const Refused = z.looseObject({ error: z.unknown().refine(error => error !== undefined && error !== null) })

/** Reads `{ "outputs": [ … ] }`. There must be one output per input. An output with an `error` fails alone. */
export function readOutputs(answer: ModelAnswer, inputs: number): Outputs {
  if (!answer.ok) return answer
  const { data } = Answer.safeParse(answer.answer)
  if (data?.outputs.length !== inputs) return UNUSABLE
  return {
    ok: true,
    outputs: data.outputs.map(output => (Refused.safeParse(output).success ? REFUSED : ofOne(output))),
  }
}

const ofOne = (answer: unknown): ModelAnswer => ({ ok: true, answer })

const UNUSABLE: ModelFailure = {
  ok: false,
  verdict: 'drop',
  code: 'invalid_model_response',
  message: "the model's answer has not as many outputs as it was sent inputs",
  reached: true,
}

/** The model's own words are not passed on, since they may quote another user's request. */
const REFUSED: ModelFailure = {
  ok: false,
  verdict: 'drop',
  code: 'model_rejected',
  message: 'the model refused this request of a batch',
  reached: true,
}
