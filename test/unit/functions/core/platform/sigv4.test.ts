import { extendedEncodeURIComponent } from '@smithy/core/protocols'
import { Hash } from '@smithy/core/serde'
import { HttpRequest } from '@smithy/protocol-http'
import { SignatureV4 } from '@smithy/signature-v4'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { sigV4Signer } from '../../../../../functions/core/platform/sigv4.ts'
import { Defect, Unavailable } from '../../../../../functions/core/platform/unavailable.ts'
import { expectedSignature, readAuthorization } from '../../../../support/sigv4.ts'

const KEY = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY' }
const NOW = Date.parse('2015-08-30T12:36:00Z')

afterEach(() => {
  vi.unstubAllEnvs()
})

/** A call as it reaches the endpoint. */
const callOf = (url: string, more: { headers?: Record<string, string>; body?: string; method?: string } = {}) => {
  const { protocol, hostname, host, pathname, search } = new URL(url)
  const { headers = { 'content-type': 'application/json' }, body = '{"a":"é"}', method = 'POST' } = more
  return new HttpRequest({ method, protocol, hostname, path: pathname + search, headers: { host, ...headers }, body })
}

const sign = (service: string, request: HttpRequest, credentials: object = KEY, now = NOW) =>
  sigV4Signer(
    service,
    () => now,
    async () => ({ ...KEY, ...credentials }),
  ).sign(request)

const targetOf = ({ path, query }: HttpRequest) => {
  const pairs = Object.entries(query).flatMap(([key, value]) => [value ?? ''].flat().map(one => [key, one]))
  const search = pairs.map(pair => pair.map(part => encodeURIComponent(String(part))).join('=')).join('&')
  return search === '' ? path : `${path}?${search}`
}

/** The signature in a signed request, and the signature that the request should have. */
const signatures = (signed: HttpRequest) => {
  const authorization = readAuthorization(String(signed.headers.authorization))
  const { method, headers, body } = signed
  const expected = expectedSignature(
    { method, headers, body, target: targetOf(signed) },
    authorization,
    KEY.secretAccessKey,
  )
  return { ...authorization, expected }
}

// The examples of "Authenticating Requests" in Amazon S3’s API reference.
describe('sigV4Signer: examples of AWS', () => {
  const s3Key = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }

  it.each([
    {
      what: 'a range of an object',
      url: 'https://examplebucket.s3.amazonaws.com/test.txt',
      headers: { range: 'bytes=0-9' },
      signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    },
    {
      what: 'a parameter without a value',
      url: 'https://examplebucket.s3.amazonaws.com/?lifecycle',
      headers: {},
      signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
    },
    {
      what: 'parameters',
      url: 'https://examplebucket.s3.amazonaws.com/?prefix=J&max-keys=2',
      headers: {},
      signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
    },
  ])('computes the signature of AWS’s own example: $what', async ({ url, headers, signature }) => {
    vi.stubEnv('AWS_REGION', 'us-east-1')
    const request = callOf(url, { method: 'GET', headers, body: '' })

    const { headers: signed } = await sign('s3', request, s3Key, Date.parse('2013-05-24T00:00:00Z'))

    expect(readAuthorization(String(signed.authorization))).toMatchObject({
      scope: '20130524/us-east-1/s3/aws4_request',
      signature,
    })
  })
})

// Examples of AWS’s test suite for Signature Version 4. They show that `expectedSignature`, with which the other tests compare,
// is right.
describe('expectedSignature, the signature that the tests of sigv4 expect', () => {
  const form = 'application/x-www-form-urlencoded'
  it.each([
    ['get-vanilla', 'GET', '/', {}, '', '5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31'],
    ['get-utf8', 'GET', '/ሴ', {}, '', '8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85'],
    [
      'get-vanilla-query-order-key-case',
      'GET',
      '/?Param2=value2&Param1=value1',
      {},
      '',
      'b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500',
    ],
    ['post-vanilla', 'POST', '/', {}, '', '5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b'],
    [
      'post-x-www-form-urlencoded',
      'POST',
      '/',
      { 'content-type': form },
      'Param1=value1',
      'ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a',
    ],
  ])('computes the signature of AWS’s example %s', (_name, method, target, more, body, signature) => {
    const headers = { ...more, host: 'example.amazonaws.com', 'x-amz-date': '20150830T123600Z' }
    const signedHeaders = Object.keys(headers).sort()
    const scope = '20150830/us-east-1/service/aws4_request'

    expect(expectedSignature({ method, target, headers, body }, { scope, signedHeaders }, KEY.secretAccessKey)).toBe(
      signature,
    )
  })
})

describe('sigV4Signer: the path of a Bedrock model', () => {
  const Arn = 'arn:aws:bedrock:eu-west-3:123456789012:inference-profile/eu.anthropic.claude-v1:0'

  it.each([
    { what: 'has a colon', id: 'us.amazon.nova-lite-v1:0', written: 'us.amazon.nova-lite-v1:0' },
    { what: 'has a percent-encoded colon', id: 'us.amazon.nova-lite-v1:0', written: 'us.amazon.nova-lite-v1%3a0' },
    { what: 'is an ARN', id: Arn, written: Arn.replace('/', '%2F') },
    { what: 'is a percent-encoded ARN', id: Arn, written: encodeURIComponent(Arn) },
    { what: 'has characters that must be percent-encoded', id: "a b'(c)*!+é", written: "a%20b'(c)*!+é" },
  ])(
    'the path of a model whose name $what is sent and signed as AWS’s SDK sends and signs it',
    async ({ id, written }) => {
      const path = `/model/${extendedEncodeURIComponent(id)}/converse`
      const host = 'bedrock-runtime.eu-west-3.amazonaws.com'
      const sdk = new SignatureV4({
        service: 'bedrock',
        region: 'eu-west-3',
        credentials: KEY,
        sha256: Hash.bind(null, 'sha256'),
      })

      const own = await sign('bedrock', callOf(`https://${host}/model/${written}/converse`))
      const {
        body,
        headers: { authorization: _, ...headers },
      } = own
      const theirs = await sdk.sign(new HttpRequest({ method: 'POST', hostname: host, path, headers, body }), {
        signingDate: new Date(NOW),
      })

      expect(own.path).toBe(path)
      expect(own.headers.authorization).toBe(theirs.headers.authorization)
    },
  )
})

describe('sigV4Signer', () => {
  beforeEach(() => {
    vi.stubEnv('AWS_REGION', 'eu-west-3')
  })

  it.each([
    {
      what: 'a SageMaker endpoint',
      service: 'sagemaker',
      url: 'https://runtime.sagemaker.us-west-2.amazonaws.com/endpoints/llama/invocations',
      sent: '/endpoints/llama/invocations',
      region: 'us-west-2',
    },
    {
      what: 'a model of Bedrock with a colon in its id',
      service: 'bedrock',
      url: 'https://bedrock-runtime.us-gov-west-1.amazonaws.com/model/us.amazon.nova-lite-v1:0/converse',
      sent: '/model/us.amazon.nova-lite-v1%3A0/converse',
      region: 'us-gov-west-1',
    },
    {
      what: 'a model of Bedrock by its ARN, encoded',
      service: 'bedrock',
      url: 'https://bedrock-runtime.eu-central-1.amazonaws.com/model/arn%3aaws%3Abedrock:x%2Fy/invoke',
      sent: '/model/arn%3Aaws%3Abedrock%3Ax%2Fy/invoke',
      region: 'eu-central-1',
    },
    {
      what: 'an API with a query',
      service: 'execute-api',
      url: "https://abc.execute-api.ap-southeast-2.amazonaws.com/prod//predict?b=2&a=x%20y+z&a='*'&flag&%C3%A9=é#no",
      sent: "/prod//predict?b=2&a=x%20y%20z&a='*'&flag=&%C3%A9=%C3%A9",
      region: 'ap-southeast-2',
    },
    {
      what: 'a function URL with signs that must be encoded',
      service: 'lambda',
      url: 'https://abc.lambda-url.us-east-1.on.aws/100%/(a)+b=c',
      sent: '/100%25/%28a%29%2Bb%3Dc',
      region: 'us-east-1',
    },
    {
      what: 'a host without a region, with the region of the function',
      service: 'sagemaker',
      url: 'http://127.0.0.1:9000/endpoints/llama/invocations',
      sent: '/endpoints/llama/invocations',
      region: 'eu-west-3',
    },
  ])('signs a call to $what', async ({ service, url, sent, region }) => {
    const signed = await sign(service, callOf(url))
    const { scope, signature, expected, signedHeaders } = signatures(signed)

    expect(targetOf(signed)).toBe(sent)
    expect(scope).toBe(`20150830/${region}/${service}/aws4_request`)
    expect(signedHeaders).toEqual(['content-type', 'host', 'x-amz-content-sha256', 'x-amz-date'])
    expect(signature).toBe(expected)
  })

  it('encodes the path once in the signature for S3, and twice for all other services', async () => {
    const signed = await sign('s3', callOf('https://models.s3.us-west-2.amazonaws.com/a:b'))

    const authorization = readAuthorization(String(signed.headers.authorization))
    const { method, headers, body } = signed
    const asIfUnencoded = { method, headers, body, target: '/a:b' }
    expect(authorization.signature).toBe(expectedSignature(asIfUnencoded, authorization, KEY.secretAccessKey))
    expect(signed.path).toBe('/a%3Ab')
  })

  it('signs the body', async () => {
    const url = 'https://runtime.sagemaker.us-west-2.amazonaws.com/endpoints/llama/invocations'
    const [one, other] = await Promise.all(
      ['{"a":1}', '{"a":2}'].map(async body => signatures(await sign('sagemaker', callOf(url, { body })))),
    )

    expect(one?.signature).toBe(one?.expected)
    expect(other?.signature).toBe(other?.expected)
    expect(one?.signature).not.toBe(other?.signature)
  })

  it('includes the session token of temporary credentials, such as those of a Lambda function', async () => {
    const request = callOf('https://runtime.sagemaker.us-west-2.amazonaws.com/endpoints/llama/invocations')

    const signed = await sign('sagemaker', request, { sessionToken: 'the session' })

    expect(signed.headers['x-amz-security-token']).toBe('the session')
    expect(signatures(signed)).toMatchObject({ signedHeaders: expect.arrayContaining(['x-amz-security-token']) })
    expect(signatures(signed).signature).toBe(signatures(signed).expected)
  })

  it('reads the credentials from the environment at each call, since Lambda may renew them', async () => {
    const url = 'https://runtime.sagemaker.us-west-2.amazonaws.com/endpoints/llama/invocations'
    const signer = sigV4Signer('sagemaker', () => NOW)
    const keyAfter = async (id: string) => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', id)
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', KEY.secretAccessKey)
      await signer.prepare()
      return signatures(await signer.sign(callOf(url))).accessKeyId
    }

    expect(await keyAfter('FIRST')).toBe('FIRST')
    expect(await keyAfter('SECOND')).toBe('SECOND')
  })

  it.each(['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])(
    'the signer rejects with Unavailable without %s',
    async missing => {
      vi.stubEnv('AWS_ACCESS_KEY_ID', 'A')
      vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'B')
      vi.stubEnv(missing, undefined)
      const signer = sigV4Signer('sagemaker', () => NOW)

      await expect(signer.prepare()).rejects.toThrow(Unavailable)
      await expect(signer.sign(callOf('https://x.us-west-2.amazonaws.com/'))).rejects.toThrow(Unavailable)
    },
  )

  it('reports a defect if neither the host nor the environment names a region', async () => {
    vi.stubEnv('AWS_REGION', undefined)

    await expect(sign('sagemaker', callOf('https://models.example.com/'))).rejects.toThrow(Defect)
  })
})
