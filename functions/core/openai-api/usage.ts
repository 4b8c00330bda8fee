import { isObject, type Json, objectsOf } from '../openai-format/json.ts'

interface Counts {
  readonly prompt_tokens: number
  readonly completion_tokens: number
  readonly total_tokens: number
}

/** Returns the tokens of a request, as its item has them. Returns undefined if the model reported none. */
export function countsOf(usage: unknown): Counts | undefined {
  if (!isObject(usage)) return undefined
  const count = (name: string): number => (typeof usage[name] === 'number' ? usage[name] : 0)
  const [prompt, total] = [count('prompt_tokens'), count('total_tokens')]
  return {
    prompt_tokens: prompt,
    completion_tokens: count('completion_tokens') || total - prompt,
    total_tokens: total,
  }
}

/**
 * Returns the usage of a chat, a completion or embeddings. If the endpoint's answer has a usage of its own (`raw`),
 * this usage is returned, because it has more details.
 */
export const chatUsage = (usage: unknown, raw: unknown): Json | undefined =>
  isObject(raw) && typeof raw.prompt_tokens === 'number' ? raw : countsOf(usage) && { ...countsOf(usage) }

/** Returns the usage of a response. */
export function responseUsage(usage: unknown, raw: unknown): Json | undefined {
  if (isObject(raw) && typeof raw.input_tokens === 'number') return raw
  const counts = countsOf(usage)
  if (!counts) return undefined
  const { prompt_tokens: input, completion_tokens: output, total_tokens: total } = counts
  return {
    input_tokens: input,
    input_tokens_details: { cached_tokens: detailOf(raw, 'prompt_tokens_details', 'cached_tokens') },
    output_tokens: output,
    output_tokens_details: { reasoning_tokens: detailOf(raw, 'completion_tokens_details', 'reasoning_tokens') },
    total_tokens: total,
  }
}

function detailOf(raw: unknown, group: string, name: string): number {
  const [details] = objectsOf([isObject(raw) ? raw[group] : undefined])
  const count = details?.[name]
  return typeof count === 'number' ? count : 0
}
