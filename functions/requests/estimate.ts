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
  const promptTokens = Math.ceil(prompt.length / 4)
  return promptTokens + (maxTokens ?? promptTokens)
}
