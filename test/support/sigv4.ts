import { createHash, createHmac } from 'node:crypto'

/** A request that a server has received. Names of headers are in lower case. */
export interface ReceivedRequest {
  readonly method: string
  /** The path and the query, unchanged. */
  readonly target: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** The parts of an `Authorization` header. */
export interface Signature {
  readonly accessKeyId: string
  /** `20150830/us-east-1/service/aws4_request` */
  readonly scope: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
}

/** Parses an `Authorization` header of AWS's Signature Version 4. Throws if the header has another form. */
export function readAuthorization(header: string): Signature {
  const [, accessKeyId = '', scope = '', headers = '', signature = ''] =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\S+), SignedHeaders=(\S+), Signature=([0-9a-f]{64})$/.exec(header) ?? []
  if (signature === '') throw new Error(`no signature: ${header}`)
  return { accessKeyId, scope, signedHeaders: headers.split(';'), signature }
}

/**
 * Computes the signature that a received request must have, so that a test can check whether AWS would accept the request. It follows
 * AWS's description of Signature Version 4 for services other than S3. It does not use the SDK, so it does not repeat an error of the SDK.
 */
export function expectedSignature(
  request: ReceivedRequest,
  { scope, signedHeaders }: Pick<Signature, 'scope' | 'signedHeaders'>,
  secret: string,
): string {
  const stringToSign = [
    'AWS4-HMAC-SHA256',
    headerOf(request, 'x-amz-date'),
    scope,
    sha256(canonical(request, signedHeaders)),
  ]
  const key = scope.split('/').reduce<Buffer | string>((derived, part) => hmac(derived, part), `AWS4${secret}`)
  return hmac(key, stringToSign.join('\n')).toString('hex')
}

function canonical(request: ReceivedRequest, signedHeaders: readonly string[]): string {
  const [path = '', query = ''] = request.target.split('?')
  return [
    request.method,
    percentEncode(path, '/').replace(/\/{2,}/g, '/'),
    canonicalQuery(query),
    ...signedHeaders.map(name => `${name}:${headerOf(request, name).trim().replace(/ +/g, ' ')}`),
    '',
    signedHeaders.join(';'),
    sha256(request.body),
  ].join('\n')
}

const canonicalQuery = (query: string): string =>
  query
    .split('&')
    .filter(pair => pair !== '')
    .map(
      pair =>
        /^([^=]*)=?(.*)$/
          .exec(pair)
          ?.slice(1)
          .map(part => percentEncode(decodeURIComponent(part))) ?? [],
    )
    .sort(([a = '', x = ''], [b = '', y = '']) => (a === b ? compare(x, y) : compare(a, b)))
    .map(pair => pair.join('='))
    .join('&')

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

function headerOf({ headers }: ReceivedRequest, name: string): string {
  const value = headers[name]
  if (typeof value !== 'string') throw new Error(`the request has not one header ${name}`)
  return value
}

/** Percent-encodes each byte, except those of unreserved characters and of the characters in `kept`. */
const percentEncode = (text: string, kept = ''): string =>
  [...Buffer.from(text)]
    .map(byte => ({ byte, character: String.fromCharCode(byte) }))
    .map(({ byte, character }) =>
      /[A-Za-z0-9_.~-]/.test(character) || kept.includes(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    .join('')

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')
const hmac = (key: Buffer | string, text: string): Buffer => createHmac('sha256', key).update(text).digest()
