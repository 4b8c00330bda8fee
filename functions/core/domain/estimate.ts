import * as z from 'zod'

/**
 * The most tokens that a request may ask for, or a model may report. No model comes near this number. The limit keeps
 * the sums of tokens in counters and rows exact.
 */
export const MAX_TOKENS = 1e12

type Body = Readonly<Record<string, unknown>>

/**
 * Estimates the tokens that a request reserves before the model has reported the real number. The prompt counts as one
 * token per four bytes of UTF-8. The output counts as many tokens as the prompt. If the request bounds its output, for
 * example with `max_tokens`, the output counts as many tokens as this bound.
 */
export function estimateTokens(prompt: string, body: Body): number {
  const tokens = promptTokens(prompt)
  return tokens + (outputBound(body) ?? tokens)
}

const promptTokens = (prompt: string): number => Math.ceil(Buffer.byteLength(prompt) / 4)

/**
 * The names of the fields with which a request bounds its output, in the APIs of models. These fields are in
 * `parameters`, or next to `prompt` in the body.
 */
export const OUTPUT_BOUNDS = ['max_tokens', 'max_completion_tokens', 'max_output_tokens'] as const

const Bound = z.number().nonnegative().max(MAX_TOKENS)
const Choices = z.int().positive()

/**
 * Returns the most tokens that the output may have: the request's largest bound, times the number of answers that it
 * asks for (`n`). Returns undefined if the request has no bound.
 */
function outputBound(body: Body): number | undefined {
  const places = [body, parametersOf(body)]
  const bounds = places.flatMap(place => OUTPUT_BOUNDS.flatMap(name => validIn(Bound, place[name])))
  if (bounds.length === 0) return undefined
  const choices = places.flatMap(({ n }) => validIn(Choices, n))
  return Math.min(MAX_TOKENS, Math.ceil(Math.max(...bounds) * Math.max(1, ...choices)))
}

/**
 * Returns the value if it is valid, and otherwise nothing. Most values are absent. Absent values are not given to zod,
 * which would take long to refuse them.
 */
const validIn = (schema: z.ZodNumber | z.ZodInt, value: unknown): number | number[] =>
  value === undefined ? [] : (schema.safeParse(value).data ?? [])

const Parameters = z.looseObject({})
const parametersOf = ({ parameters }: Body): Body => Parameters.safeParse(parameters).data ?? {}

/**
 * Returns the prompt's part of the estimate if the body bounds its output, and undefined otherwise. A model may ignore
 * the bound. Then a low bound would make a long result cheap. So a result without a reported usage costs at least this
 * part plus the size of the result.
 */
export const boundedPromptTokens = (body: Body): number | undefined =>
  typeof body.prompt === 'string' && outputBound(body) !== undefined ? promptTokens(body.prompt) : undefined

/**
 * Returns the minimum charge of a result whose model reports no usage, if the request bounds its output: the prompt's
 * part, and a token per four bytes of the result's JSON text in UTF-8.
 */
export const minimumTokens = (boundedPrompt: number, bytes: number): number => boundedPrompt + Math.ceil(bytes / 4)
