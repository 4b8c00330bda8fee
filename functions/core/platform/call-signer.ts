import { createHmac, createSecretKey, hash, type KeyObject } from 'node:crypto'
import { AwsSdkSigV4Signer } from '@aws-sdk/core/httpAuthSchemes'
import { HttpRequest } from '@smithy/protocol-http'
import type { AwsCredentialIdentity, HttpAuthScheme, Identity, HttpRequest as Unsigned } from '@smithy/types'

/** The name of Signature Version 4 in the SDK's clients. */
const SCHEME = 'aws.auth#sigv4'

const ALGORITHM = 'AWS4-HMAC-SHA256'

/** Headers that may change on their way to AWS, so they are not signed. */
const UNSIGNED = new Set(['user-agent', 'X-Amzn-Trace-Id'])

/**
 * Returns Signature Version 4 for the clients of DynamoDB, SQS and the RDS Data API. The signatures are those of the
 * SDK's own signer (a test compares them), but they need less CPU time. The signer is made only for the calls of these
 * clients: without a query, with a path and names of headers without special characters, and with a body of text or
 * bytes. Other calls reject.
 */
export const signatureV4 = (): HttpAuthScheme => ({
  schemeId: SCHEME,
  identityProvider: config => config.getIdentityProvider(SCHEME),
  signer: new CallSigner(),
})

/** A key for the signatures of one day. AWS derives the same key from the secret key and the scope. */
interface SigningKey {
  readonly secret: string
  /** Day, region and service, such as `20150830/us-east-1/sqs/aws4_request`. */
  readonly scope: string
  readonly key: KeyObject
}

/** The part of the SDK's properties of a call that a signature needs. */
interface Properties {
  readonly config: { readonly systemClockOffset: number }
  readonly name: string
  readonly region: string
  /** The endpoint's own names, if it has some. */
  readonly signingName?: string
  readonly signingRegion?: string
}

type Headers = Readonly<Record<string, string>>

/**
 * The SDK's signer also corrects the clock. This class keeps the correction after a failed call (`errorHandler`), but
 * does not compare the clocks after each successful call.
 */
class CallSigner extends AwsSdkSigV4Signer {
  readonly #keys = new Map<string, SigningKey>()

  override async sign(request: Unsigned, identity: Identity, properties: object): Promise<HttpRequest> {
    const { config, name, region, signingName = name, signingRegion = region } = properties as Properties
    const { accessKeyId, secretAccessKey, sessionToken } = identity as AwsCredentialIdentity
    // The SDK's `errorHandler` reads these two fields.
    const sent = { _requestSentAt: Date.now(), _preRequestSystemClockOffset: config.systemClockOffset }
    Object.assign(properties, sent)
    const date = new Date(sent._requestSentAt + config.systemClockOffset)
    const time = date.toISOString().replace(/[-:]|\.\d+/g, '')
    const headers: Headers = {
      ...request.headers,
      'x-amz-date': time,
      ...(sessionToken && { 'x-amz-security-token': sessionToken }),
      'x-amz-content-sha256': hash('sha256', request.body ?? ''),
    }
    const names = Object.keys(headers)
      .filter(name => !UNSIGNED.has(name))
      .sort()
    const service = `${signingRegion}/${signingName}`
    const scope = `${time.slice(0, 8)}/${service}/aws4_request`
    const text = [ALGORITHM, time, scope, hash('sha256', canonical(request, headers, names))].join('\n')
    const signature = createHmac('sha256', this.#keyOf(service, secretAccessKey, scope))
      .update(text)
      .digest('hex')
    const authorization = `${ALGORITHM} Credential=${accessKeyId}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`
    return new HttpRequest({ ...request, headers: { ...headers, authorization } })
  }

  override successHandler(): void {}

  #keyOf(service: string, secret: string, scope: string): KeyObject {
    const known = this.#keys.get(service)
    if (known?.secret === secret && known.scope === scope) return known.key
    const key = deriveKey(secret, scope)
    this.#keys.set(service, { secret, scope, key })
    return key
  }
}

/** Returns the text that AWS computes from a received call, to check its signature. */
function canonical({ method, path, query = {} }: Unsigned, headers: Headers, names: readonly string[]): string {
  if (!/^(\/(?!\.{1,2}(\/|$))[\w.~-]*)+$/.test(path) || Object.keys(query).length > 0)
    throw new Error(`only a call with a plain path and without a query can be signed, not one to ${path}`)
  const odd = names.find(name => !/^[a-z0-9-]+$/.test(name))
  if (odd !== undefined) throw new Error(`only a call with names of headers in lower case can be signed, not ${odd}`)
  const lines = names.map(name => `${name}:${headers[name]?.replace(/[ \t\r\n]+/g, ' ').trim()}\n`)
  const bodyHash = headers['x-amz-content-sha256']
  return `${method}\n${path.replace(/\/{2,}/g, '/')}\n\n${lines.join('')}\n${names.join(';')}\n${bodyHash}`
}

function deriveKey(secret: string, scope: string): KeyObject {
  const start = Buffer.from(`AWS4${secret}`)
  return createSecretKey(scope.split('/').reduce((key, part) => createHmac('sha256', key).update(part).digest(), start))
}
