/**
 * Tokens to reserve before the model has run: the old pipeline's `ceil(length / 4) * 2`, half of which stands for the
 * prompt; where the request bounds its output, the prompt's half plus that bound.
 */
export function estimateTokens(prompt: string, maxTokens?: number): number {
  const promptTokens = Math.ceil(prompt.length / 4)
  return promptTokens + (maxTokens ?? promptTokens)
}
