import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/**
 * Makes the token of a console, with 256 random bits. With this token, anybody may operate the system until the console
 * stops.
 */
export const newToken = (): string => randomBytes(32).toString('base64url')

/**
 * Compares a text with the token in constant time, so that the time tells nothing about the token. It compares hashes,
 * because `timingSafeEqual` needs values of the same length.
 */
export function isToken(given: string | undefined | null, token: string): boolean {
  return given !== undefined && given !== null && timingSafeEqual(hashOf(given), hashOf(token))
}

const hashOf = (text: string): Buffer => createHash('sha256').update(text).digest()

/**
 * Returns the token in the header `Authorization: Bearer …`. No browser sends this header by itself, and a page of
 * another origin can't make the browser send it. So no other page can operate the system. The token is not in a cookie,
 * since a browser would send the cookie to every server on 127.0.0.1, on any port. Another program could then read the
 * token, and operate the system.
 */
export const bearerOf = ({ headers: { authorization } }: IncomingMessage): string | undefined =>
  /^Bearer (\S+)$/i.exec(authorization ?? '')?.[1]
