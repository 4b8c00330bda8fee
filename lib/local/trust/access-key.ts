import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Check } from './guard-server.ts'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** Makes an access key id in AWS's form, with 80 random bits. A caller that knows this id may call the emulators until the system stops. */
export function newAccessKeyId(): string {
  return `AKIA${Array.from(randomBytes(16), byte => ALPHABET[byte % ALPHABET.length]).join('')}`
}

/** Returns credentials for AWS clients on this machine. Their secret key is not secret, because no signature is checked. */
export const credentialsOf = (accessKeyId: string) => ({ accessKeyId, secretAccessKey: 'local' })

/** Returns the `Authorization` header for a call without an SDK. */
export const authorizationOf = (accessKeyId: string): string =>
  `AWS4-HMAC-SHA256 Credential=${accessKeyId}/local, SignedHeaders=host, Signature=none`

/** Refuses a request that is not signed or presigned with this access key id. */
export function signedWith(accessKeyId: string): Check {
  const expected = Buffer.from(accessKeyId)
  return request => {
    const given = Buffer.from(credentialIn(request) ?? '')
    const isRight = given.length === expected.length && timingSafeEqual(given, expected)
    return isRight ? undefined : 'Sign with the access key id of this run, which eval "$(npx sluice env)" sets.'
  }
}

const JSON_TYPES = /^application\/(x-amz-json-1\.[01]|json)(; *charset=utf-8)?$/i

/**
 * Refuses a call that does not declare its body as JSON. A browser sends some other types to any server without asking the server first (CORS
 * preflight), so calls with such types could come from a web page.
 */
export const declaredAsJson: Check = ({ headers }) =>
  JSON_TYPES.test(headers['content-type'] ?? '')
    ? undefined
    : 'The content type must be application/x-amz-json-1.0, application/x-amz-json-1.1 or application/json.'

function credentialIn({ headers: { authorization }, url = '' }: IncomingMessage): string | undefined {
  if (authorization !== undefined) return /^AWS4-\S+ +(?:.*[ ,])?Credential=([^/, ]+)\//.exec(authorization)?.[1]
  const query = new URLSearchParams(url.split('?').slice(1).join('?'))
  return query.get('X-Amz-Credential')?.split('/')[0]
}
