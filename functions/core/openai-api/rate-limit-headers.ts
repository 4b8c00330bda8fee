import type { Limits } from '../domain/limits.ts'
import type { QuotaWindow } from '../domain/window.ts'

export interface Standing {
  readonly limits: Pick<Limits, 'requests' | 'tokens'>
  readonly window: QuotaWindow
  /** The time from which the reset of the limits is counted, in epoch milliseconds. */
  readonly at: number
  readonly left: { readonly requests: number; readonly tokens: number } | undefined
}

/** Builds OpenAI's headers about the limits of a user. The remaining amounts are sent only if they are known. */
export function rateLimitHeaders({ limits, window, at, left }: Standing): Record<string, string> {
  const reset = durationOf(window.ends_at - at)
  return {
    'x-ratelimit-limit-requests': String(limits.requests),
    'x-ratelimit-limit-tokens': String(limits.tokens),
    ...(left && {
      'x-ratelimit-remaining-requests': String(left.requests),
      'x-ratelimit-remaining-tokens': String(left.tokens),
    }),
    'x-ratelimit-reset-requests': reset,
    'x-ratelimit-reset-tokens': reset,
  }
}

/** Writes a duration in OpenAI's form, such as `6h12m3s`. */
export function durationOf(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000))
  const parts = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const units = ['h', 'm', 's']
  const first = parts.findIndex(part => part > 0)
  if (first < 0) return '0s'
  return parts.map((part, i) => (i < first ? '' : `${part}${units[i]}`)).join('')
}
