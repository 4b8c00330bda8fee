import { fromEnv } from '@aws-sdk/credential-provider-env'
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'
import type { Clock } from './clock.ts'
import { regionOf } from './region.ts'
import { Sha256 } from './sha256.ts'
import { reaching } from './unavailable.ts'

/** Signs calls with AWS's Signature Version 4. */
export interface Signer {
  /** Resolves if there are credentials for a signature. Rejects with `Unavailable` if the credentials can't be read. */
  prepare(): Promise<void>
  /**
   * Signs a request. AWS accepts the signature for five minutes. The returned request has its path and query in the
   * form that was signed, so it must be sent unchanged. Rejects with `Unavailable` if the credentials can't be read.
   */
  sign(request: HttpRequest): Promise<HttpRequest>
}

/**
 * Makes the signer for a service, such as `sagemaker`. It uses the credentials in the environment, where Lambda puts
 * those of the function's role. The region is taken from the name of the request's host, or else it is the function's
 * own region.
 */
export function sigV4Signer(service: string, clock: Clock, credentials = fromEnv()): Signer {
  const signer = new SignatureV4({
    service,
    credentials,
    region: async () => ownRegion(),
    sha256: Sha256,
    // S3 signs a path in the form that is sent. All other services encode it once more.
    uriEscapePath: service !== 's3',
  })
  return {
    prepare: async () => {
      await reaching('signing', credentials)
    },
    sign: request =>
      reaching('signing', async () => {
        const region = regionOf(request.hostname)
        const options = { signingDate: new Date(clock()), ...(region !== undefined && { signingRegion: region }) }
        return new HttpRequest(await signer.sign(unambiguous(request), options))
      }),
  }
}

function ownRegion(): string {
  const { AWS_REGION } = process.env
  if (AWS_REGION === undefined) throw new Error('neither the host nor AWS_REGION names a region')
  return AWS_REGION
}

/**
 * Writes a request as the SDK would. The same path, query or header can be written in several ways (`:` or `%3A`, `+` or `%20`,
 * `a` or `a=`). AWS computes the signature of one of them, and would refuse the signature of another. If a header has two
 * spellings, the last one counts, as in Node's client.
 */
function unambiguous(request: HttpRequest): HttpRequest {
  const [, path = '', search = ''] = /^([^?]*)\??(.*)$/s.exec(request.path) ?? []
  const parameters = new URLSearchParams(search)
  return new HttpRequest({
    ...request,
    path: path.replace(/%[0-9A-Fa-f]{2}|[^A-Za-z0-9\-._~/]/g, encode),
    query: Object.fromEntries([...parameters.keys()].map(key => [key, parameters.getAll(key)])),
    headers: Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name.toLowerCase(), value])),
  })
}

/** Encodes one ASCII character of a URL's path. An encoded character stays encoded, in upper case. */
const encode = (text: string): string =>
  text.length === 3 ? text.toUpperCase() : `%${text.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
