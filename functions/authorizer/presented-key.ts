const BEARER = /^bearer +(\S+) *$/i

/**
 * Returns the API key that a call presents: the header X-API-Key, or `Authorization: Bearer`. Returns undefined without
 * a key. If the call has both headers, X-API-Key counts, because a proxy between the client and the API may set
 * Authorization.
 */
export function presentedKey(headers: Readonly<Record<string, string | undefined>> = {}): string | undefined {
  const own = headers['x-api-key']
  if (own) return own
  return BEARER.exec(headers.authorization ?? '')?.[1]
}
