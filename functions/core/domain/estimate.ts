/**
 * As many tokens as a request may ask for, or a model report, at most: no model comes near, and all sums of them that
 * counters and rows hold stay exact.
 */
export const MAX_TOKENS = 1e12

/**
 * Tokens to reserve before the model has run: the old pipeline's `ceil(length / 4) * 2`, half of which stands for the
 * prompt; where the request bounds its output, the prompt's half plus that bound.
 */
export function estimateTokens(prompt: string, maxTokens?: number): number {
  const tokens = promptTokens(prompt)
  return tokens + (maxTokens ?? tokens)
}

const promptTokens = (prompt: string): number => Math.ceil(prompt.length / 4)

/**
 * The prompt's half of the estimate of a body that bounds its output; undefined of one that does not. A bound is what
 * the client says, and a model may ignore it: `max_tokens: 0` makes an estimate of the prompt alone, whatever is answered.
 */
export function boundedPromptTokens({ prompt, parameters }: Readonly<Record<string, unknown>>): number | undefined {
  const isBounded =
    typeof parameters === 'object' &&
    parameters !== null &&
    'max_tokens' in parameters &&
    typeof parameters.max_tokens === 'number'
  return isBounded && typeof prompt === 'string' ? promptTokens(prompt) : undefined
}

/** What a result costs at least, of a model that reports no usage: by the bytes of its JSON text in UTF-8. */
export const resultTokens = (bytes: number): number => Math.ceil(bytes / 4)
