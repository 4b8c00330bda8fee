const BEARER = /^bearer +(\S+) *$/i

/**
 * The API key that a call presents: the header X-API-Key, or `Authorization: Bearer`. Undefined without one. X-API-Key counts if
 * both are there, since something between the client and the API may set Authorization.
 */
export function presentedKey(headers: Readonly<Record<string, string | undefined>> = {}): string | undefined {
  const own = headers['x-api-key']
  if (own) return own
  return BEARER.exec(headers.authorization ?? '')?.[1]
}
