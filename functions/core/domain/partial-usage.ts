import * as z from 'zod'
import type { Usage } from './item.ts'

const COUNTS = ['prompt_tokens', 'completion_tokens'] as const

/** The counts that a model has not reported. */
export const Unreported = z.array(z.enum(COUNTS))
export type Unreported = z.infer<typeof Unreported>

/** Lists the counts that a usage does not have. The list is empty if there is no usage at all. */
export const unreportedIn = (usage: Usage | undefined): Unreported =>
  usage ? COUNTS.filter(count => usage[count] === undefined) : []

/** Returns a usage in the form that version 0.1.0 can read: with 0 for each count that the model has not reported. */
export const withZeros = (usage: Usage | undefined): Usage | undefined =>
  usage && { prompt_tokens: 0, completion_tokens: 0, ...usage }

/** Returns a usage without the counts that the model has not reported. */
export function withoutUnreported(
  { prompt_tokens, completion_tokens, ...total }: Usage,
  unreported: readonly string[],
): Usage {
  return {
    ...(!unreported.includes('prompt_tokens') && { prompt_tokens }),
    ...(!unreported.includes('completion_tokens') && { completion_tokens }),
    ...total,
  }
}
