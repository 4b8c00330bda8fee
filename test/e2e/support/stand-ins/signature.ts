import { expectedSignature, type ReceivedRequest, readAuthorization } from '../../../support/sigv4.ts'

/** The credentials of functions on the local system. The access key id is random at each start. */
const LOCAL = {
  accessKeyId: /^AKIA[A-Z2-7]{16}$/,
  secretAccessKey: 'local',
  sessionToken: 'local',
  region: 'us-east-1',
}

/** The time for which AWS accepts a signature, in milliseconds. */
const FIVE_MINUTES_MS = 5 * 60_000

/** Makes a check that accepts only calls with a signature that AWS would accept for this service. */
export const signedFor =
  (service: string) =>
  (request: ReceivedRequest): string | undefined => {
    const { authorization } = request.headers
    if (typeof authorization !== 'string') return 'Missing Authentication Token'
    const { accessKeyId, scope, signedHeaders, signature } = readAuthorization(authorization)
    const date = String(request.headers['x-amz-date'])
    // AWS refuses a role's credentials without their session token.
    const isKnown =
      LOCAL.accessKeyId.test(accessKeyId) && request.headers['x-amz-security-token'] === LOCAL.sessionToken
    if (!isKnown) return 'The security token included in the request is invalid.'
    if (scope !== `${date.slice(0, 8)}/${LOCAL.region}/${service}/aws4_request`)
      return `Credential should be scoped to a valid region and to ${service}.`
    if (Math.abs(Date.now() - timeOf(date)) > FIVE_MINUTES_MS) return 'Signature expired.'
    const mustBeSigned = Object.keys(request.headers).filter(name => name === 'host' || name.startsWith('x-amz-'))
    const unsigned = mustBeSigned.filter(name => !signedHeaders.includes(name))
    if (unsigned.length > 0) return `There were headers present in the request which were not signed: ${unsigned}`
    return signature === expectedSignature(request, { scope, signedHeaders }, LOCAL.secretAccessKey)
      ? undefined
      : 'The request signature we calculated does not match the signature you provided.'
  }

/** Converts a time such as `20150830T123600Z` to epoch milliseconds. */
const timeOf = (date: string): number =>
  Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))
