import type { InferenceMessage } from '../core/domain/messages.ts'
import { coverPrompts, createMask, promptsIn, promptsSent } from '../core/inference/mask-prompt.ts'
import type { ModelFailure } from '../core/inference/port.ts'

/**
 * Returns the failure without what the model's words quote of the request. A failure is logged, and a prompt must be in
 * no log. A body in the payload store is not at hand any more; then what was sent for it is looked through.
 */
export function withoutPrompt(failure: ModelFailure, { body }: InferenceMessage, sent: unknown): ModelFailure {
  const { detail, message, ...rest } = failure
  const inline = 'inline' in body && typeof body.inline === 'object' && body.inline !== null ? body.inline : undefined
  const prompts = inline ? promptsIn(new Map<string, unknown>(Object.entries(inline))) : promptsSent(sent)
  const sentence = createMask(message)
  const words = detail === undefined ? undefined : createMask(detail)
  coverPrompts(words ? [sentence, words] : [sentence], prompts)
  return { ...rest, message: sentence.masked(), ...(words && { detail: words.masked() }) }
}
