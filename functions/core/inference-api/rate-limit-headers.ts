import type { Limits } from '../domain/limits.ts'
import type { QuotaWindow } from '../domain/window.ts'

/** The limits of a user in a window, and the amounts that are left at the time `at`. */
export interface QuotaStanding {
  readonly limits: Limits
  readonly window: QuotaWindow
  /** Epoch milliseconds. */
  readonly at: number
  /** The amounts that are left. Undefined if they are not known exactly. */
  readonly left: { readonly requests: number; readonly tokens: number } | undefined
}

/**
 * Builds the headers of IETF draft-ietf-httpapi-ratelimit-headers: the limits, and the amounts that are left, if they
 * are known.
 */
export function rateLimitHeaders({ limits, window, at, left }: QuotaStanding): Record<string, string> {
  const seconds = window.length_ms / 1000
  const policy = `"requests";q=${limits.requests};w=${seconds}, "tokens";q=${limits.tokens};w=${seconds}`
  if (!left) return { 'RateLimit-Policy': policy }
  const reset = Math.ceil((window.ends_at - at) / 1000)
  return {
    'RateLimit-Policy': policy,
    RateLimit: `"requests";r=${left.requests};t=${reset}, "tokens";r=${left.tokens};t=${reset}`,
  }
}
