import type { InferenceMessage } from '../core/domain/messages.ts'
import { coverPrompts, createMask, promptsIn, promptsSent } from '../core/inference/mask-prompt.ts'
import type { ModelFailure } from '../core/inference/port.ts'

/**
 * Returns the failure with the model's quotes from the request masked. A failure is logged, and no log may contain a
 * prompt. If the client's body is in the payload store, the worker no longer has it here. Then it masks the texts of
 * the body that it has sent to the model.
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
