import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'
import type { AwsCredentialIdentity } from '@smithy/types'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { signatureV4 } from '../../../../../functions/core/platform/call-signer.ts'
import { leanClient, leanSettings } from '../../../../../functions/core/platform/lean-client.ts'
import { Sha256 } from '../../../../../functions/core/platform/sha256.ts'
import { expectedSignature, readAuthorization } from '../../../../support/sigv4.ts'

const NOW = new Date('2015-08-30T23:59:59.500Z')

beforeEach(() => vi.useFakeTimers({ now: NOW, toFake: ['Date'] }))
afterEach(() => vi.useRealTimers())

const identity = (secretAccessKey: string, sessionToken?: string): AwsCredentialIdentity => ({
  accessKeyId: 'AKIDEXAMPLE',
  secretAccessKey,
  ...(sessionToken !== undefined && { sessionToken }),
})

const config = { systemClockOffset: 0 }
const callTo = (service: string) => ({ config, name: service, region: 'eu-north-1' })

const request = (more: object = {}) =>
  new HttpRequest({
    method: 'POST',
    hostname: 'example.com',
    path: '/',
    headers: { host: 'example.com', 'content-type': 'application/x-amz-json-1.0' },
    body: '{}',
    ...more,
  })

describe('signatureV4', () => {
  const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,11}$/)
  const value = fc.stringMatching(/^[!-~]([ -~]{0,20}[!-~])?$/)

  it('makes the signature of the SDK’s own signer, for any body, headers, credentials, service and day', async () => {
    const { signer } = signatureV4()
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          path: fc.constantFrom('/', '/Execute', '/a.b/~c/Execute', '/a//Execute', '//'),
          headers: fc.dictionary(
            word.map(name => `x-amz-meta-${name}`),
            value,
          ),
          body: fc.oneof(fc.string(), fc.uint8Array(), fc.constant(undefined)),
        }),
        fc.constantFrom('secret', 'another secret'),
        fc.option(value, { nil: undefined }),
        fc.constantFrom('sqs', 'dynamodb'),
        fc.date({ min: new Date('2000-01-01'), max: new Date('2099-12-31'), noInvalidDate: true }),
        async ({ path, headers, body }, secret, sessionToken, service, now) => {
          vi.setSystemTime(now)
          const call = () =>
            request({
              path,
              body,
              headers: { host: 'example.com', ...headers, 'user-agent': 'a', 'X-Amzn-Trace-Id': 'Root=1' },
            })
          const credentials = identity(secret, sessionToken)
          const library = new SignatureV4({ service, region: 'eu-north-1', credentials, sha256: Sha256 })

          const signed = await signer.sign(call(), credentials, callTo(service))

          expect(signed).toEqual(await library.sign(call()))
        },
      ),
    )
  })

  it('takes another key on the next day, with other credentials, and for another region', async () => {
    const { signer } = signatureV4()
    const signatureOf = async (secret: string, region: string, now = NOW) => {
      vi.setSystemTime(now)
      const { headers } = await signer.sign(request(), identity(secret), { config, name: 'sqs', region })
      const { signature, ...signed } = readAuthorization(String(headers.authorization))
      expect(signature).toBe(
        expectedSignature({ method: 'POST', target: '/', headers, body: '{}' }, { ...signed }, secret),
      )
      return signature
    }

    const signatures = [
      await signatureOf('a', 'eu-north-1'),
      await signatureOf('b', 'eu-north-1'),
      await signatureOf('a', 'us-east-1'),
      await signatureOf('a', 'eu-north-1', new Date('2015-08-31T00:00:00Z')),
    ]

    expect(new Set(signatures).size).toBe(signatures.length)
    expect(await signatureOf('a', 'eu-north-1')).toBe(signatures[0])
  })

  it.each([
    ['a query', { query: { a: 'b' } }],
    ['a path that must be encoded', { path: '/a%2Fb' }],
    ['a path with dots', { path: '/../a' }],
    ['a name of a header in upper case', { headers: { Host: 'example.com' } }],
  ])('rejects a call with %s', async (_, more) => {
    const { signer } = signatureV4()

    await expect(signer.sign(request(more), identity('secret'), callTo('sqs'))).rejects.toThrow('only a call with')
  })
})

describe('the clients of DynamoDB, SQS and the RDS Data API', () => {
  const Tables = { statusCode: 200, headers: {}, body: undefined }

  /** Answers each call with the next of these responses, and the last of them again and again. Keeps the calls. */
  function recorder(...responses: object[]) {
    const requests: HttpRequest[] = []
    const handle = async (request: HttpRequest) => {
      requests.push(request)
      return { response: (responses.length > 1 ? responses.shift() : responses[0]) ?? Tables }
    }
    return { requests, requestHandler: { handle } }
  }

  const settingsFor = (requestHandler: object) => ({
    ...leanSettings(1_000),
    requestHandler,
    region: 'eu-north-1',
    credentials: identity('secret', 'token'),
  })

  it('sign each call with the credentials of the function, for their service and region', async () => {
    const { requests, requestHandler } = recorder()
    const settings = settingsFor(requestHandler)
    const statement = { resourceArn: 'arn:aws:rds:a', secretArn: 'arn:aws:secretsmanager:a', sql: 'SELECT 1' }
    const message = { QueueUrl: 'https://sqs.eu-north-1.amazonaws.com/1/a', MessageBody: 'é' }

    await leanClient(new DynamoDBClient(settings), 1_000).send(new ListTablesCommand())
    await leanClient(new SQSClient({ ...settings, md5: false }), 1_000).send(new SendMessageCommand(message))
    await leanClient(new RDSDataClient(settings), 1_000).send(new ExecuteStatementCommand(statement))

    const scopes = requests.map(({ headers, method, path, body }) => {
      const { scope, signedHeaders, signature } = readAuthorization(String(headers.authorization))
      const received = { method, target: path, headers, body: new TextDecoder().decode(body) }
      expect(signature).toBe(expectedSignature(received, { scope, signedHeaders }, 'secret'))
      expect(signedHeaders).toEqual(expect.arrayContaining(['host', 'content-type', 'x-amz-date']))
      expect(headers['x-amz-security-token']).toBe('token')
      return scope
    })
    expect(scopes).toEqual(
      ['dynamodb', 'sqs', 'rds-data'].map(service => `20150830/eu-north-1/${service}/aws4_request`),
    )
  })

  it('sign a call again with AWS’s time if AWS refuses it, because the clock of this machine is wrong', async () => {
    const refusal = {
      statusCode: 400,
      headers: { date: 'Mon, 31 Aug 2015 01:00:00 GMT', 'x-amzn-errortype': 'InvalidSignatureException' },
      body: undefined,
    }
    const { requests, requestHandler } = recorder(refusal, Tables)
    vi.useFakeTimers({ now: NOW, shouldAdvanceTime: true })
    const client = leanClient(new DynamoDBClient(settingsFor(requestHandler)), 1_000)

    await client.send(new ListTablesCommand())

    expect(requests.map(({ headers }) => String(headers['x-amz-date']).slice(0, 13))).toEqual([
      '20150830T2359',
      '20150831T0100',
    ])
  })

  it('keep their clock if the answer to a failed call is read much later, because Lambda has frozen the function meanwhile', async () => {
    const handle = async () => {
      vi.setSystemTime(NOW.getTime() + 30 * 60_000)
      const headers = { date: NOW.toUTCString(), 'x-amzn-errortype': 'ResourceNotFoundException' }
      return { response: { statusCode: 400, headers, body: undefined } }
    }
    const client = leanClient(new DynamoDBClient(settingsFor({ handle })), 1_000)

    await expect(client.send(new ListTablesCommand())).rejects.toThrow()

    expect(client.config.systemClockOffset).toBe(0)
  })

  it('do not compare their clock with AWS’s after a successful call', async () => {
    const { requestHandler } = recorder({ ...Tables, headers: { date: 'Mon, 31 Aug 2015 01:00:00 GMT' } })
    const client = leanClient(new DynamoDBClient(settingsFor(requestHandler)), 1_000)

    await client.send(new ListTablesCommand())

    expect(client.config.systemClockOffset).toBe(0)
  })
})
