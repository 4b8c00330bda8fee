import type { Prepared } from './prepare.ts'

/** IETF draft-ietf-httpapi-ratelimit-headers: the policies, and what is left of them, where that is known. */
export function rateLimitHeaders(
  { request, limits, window }: Prepared,
  left: { readonly requests: number; readonly tokens: number } | undefined,
): Record<string, string> {
  const seconds = window.length_ms / 1000
  const policy = `"requests";q=${limits.requests};w=${seconds}, "tokens";q=${limits.tokens};w=${seconds}`
  if (!left) return { 'RateLimit-Policy': policy }
  const reset = Math.ceil((window.ends_at - request.created_at) / 1000)
  return {
    'RateLimit-Policy': policy,
    RateLimit: `"requests";r=${left.requests};t=${reset}, "tokens";r=${left.tokens};t=${reset}`,
  }
}
