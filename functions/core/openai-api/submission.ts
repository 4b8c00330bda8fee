import { RequestError } from '../domain/errors.ts'
import type { Operation } from '../domain/operation.ts'
import type { Submission } from '../domain/submission.ts'
import { parseBodyAs } from '../http/parse-body.ts'
import { fieldsOf } from '../openai-format/fields.ts'
import { isObject, type Json } from '../openai-format/json.ts'
import type { Abilities } from './abilities.ts'
import { BODIES } from './bodies.ts'
import { checkSupported } from './check-supported.ts'

/** The submission of a body of the OpenAI API, and the form of the answer that the client wants. */
export interface OpenAiCall {
  readonly submission: Submission
  readonly stream: boolean
  readonly include_usage: boolean
  readonly background: boolean
  readonly encoding: 'float' | 'base64'
  /** The number of texts in a call for embeddings. */
  readonly texts: number
}

/**
 * Parses the body of an operation for a model of pipeline.yaml. Throws a `RequestError` that names the problem and its
 * place.
 */
export function parseOpenAi(
  operation: Operation,
  text: string,
  models: Readonly<Record<string, Abilities>>,
): OpenAiCall {
  const parsed = parseBodyAs(BODIES[operation], text)
  const { model, metadata } = parsed
  const abilities = Object.hasOwn(models, model) ? models[model] : undefined
  if (!abilities) throw new RequestError('unknown_model', `there is no model "${model}"`)
  const body: Json = parsed
  const seen = fieldsOf(operation, body)
  checkSupported(operation, body, seen, model, abilities)
  const { prompt } = seen
  const options = isObject(body.stream_options) ? body.stream_options : {}
  return {
    submission: {
      body: storedBody(body, prompt),
      seen,
      operation,
      prompt,
      model,
      priority: parsed.service_tier === 'priority' ? 'high' : 'normal',
      metadata,
    },
    stream: body.stream === true,
    include_usage: options.include_usage === true,
    background: operation === 'responses' && body.background === true,
    encoding: body.encoding_format === 'base64' ? 'base64' : 'float',
    texts: countOf(body.input),
  }
}

/**
 * Returns the body with its texts as `prompt`, which the ledger keeps. A completion's own prompt, if it is a list, is
 * kept as `prompts`.
 */
const storedBody = (body: Json, prompt: string): Json => ({
  ...body,
  prompt,
  ...(Array.isArray(body.prompt) && { prompts: body.prompt }),
})

/** Counts the texts of an input. A list of numbers is one text, written as tokens. */
const countOf = (input: unknown): number =>
  Array.isArray(input) && !input.every(part => typeof part === 'number') ? input.length : 1
