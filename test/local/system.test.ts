import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GetSecretValueCommand, ResourceNotFoundException, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { LocalSystem } from '../../lib/local/system.ts'
import { credentialsOf } from '../../lib/local/trust/access-key.ts'
import { lambda, newRecords, startSmall } from './fixtures/template.ts'

const SECRETS = ['MODEL_KEY', 'model-key', 'model/key', 'other']
const statement = (Action: string, name: string) => ({
  Effect: 'Allow',
  Action,
  Resource: {
    'Fn::Join': ['', ['arn:', { Ref: 'AWS::Partition' }, `:secretsmanager:us-east-1:0:secret:${name}-??????`]],
  },
})
const mayRead = (name: string) => statement('secretsmanager:GetSecretValue', name)
const mayWrite = (name: string) => statement('secretsmanager:PutSecretValue', name)
const logged: string[] = []
const customCalls = newRecords()
let system: LocalSystem

beforeAll(async () => {
  const custom = (properties: object) => ({
    Type: 'Custom::Migrations',
    Properties: { ServiceToken: { 'Fn::GetAtt': ['Custom', 'Arn'] }, ...properties },
  })
  system = await startSmall(
    {
      Resources: {
        Environment: lambda('environment', {
          Timeout: 20,
          MemorySize: 256,
          Environment: {
            Variables: { BUCKET: { Ref: 'Bucket' }, SCHEMA: { 'Fn::GetAtt': ['Migrations', 'Version'] } },
          },
        }),
        Api: lambda('api', { Timeout: 30 }),
        Broken: lambda('any', { Code: { S3Key: 'broken.zip' } }),
        Custom: lambda('custom', {}, customCalls.file),
        Migrations: custom({ Answer: 'done', Hash: 'abc' }),
        Bucket: { Type: 'AWS::S3::Bucket' },
        ReadSecrets: {
          Type: 'AWS::IAM::Policy',
          Properties: { PolicyDocument: { Statement: [...SECRETS.map(mayRead), mayWrite('WRITTEN')] } },
        },
        Role: { Type: 'AWS::IAM::Role', Properties: { Unread: { 'Fn::Transform': 'x' } } },
      },
      Outputs: { Bucket: { Value: { Ref: 'Bucket' } }, RoleArn: { Value: { 'Fn::GetAtt': ['Role', 'Arn'] } } },
    },
    { log: line => logged.push(line), env: { MODEL_KEY: 'sesame', WRITTEN: 'w', GITHUB_TOKEN: 'ghp' } },
  )
}, 30_000)

afterAll(() => system.close())

async function resultOf(logicalId: string, event: unknown = {}) {
  const result = await system.invoke(logicalId, event)
  if (!result.ok) throw new Error(result.error.errorMessage)
  return JSON.parse(result.payload)
}

describe('a function of the local system', () => {
  test('has the environment variables of its template and the emulators’ addresses, but no other variable of the process', async () => {
    const { env, ...context } = await resultOf('Environment')

    expect(env).toMatchObject({
      BUCKET: 'small-bucket',
      SCHEMA: '7',
      AWS_REGION: 'us-east-1',
      AWS_SESSION_TOKEN: expect.any(String),
      AWS_LAMBDA_FUNCTION_NAME: 'Small-Environment',
      AWS_ENDPOINT_URL_SQS: system.endpoints.sqs,
      AWS_ENDPOINT_URL_DYNAMODB: system.endpoints.dynamodb,
      AWS_ENDPOINT_URL_S3: system.endpoints.s3,
      AWS_ENDPOINT_URL_RDS_DATA: system.endpoints.rds_data,
    })
    expect(env).not.toHaveProperty('PATH')
    expect(context).toMatchObject({ functionName: 'Small-Environment', memoryLimitInMB: '256' })
    expect(context.remaining).toBeGreaterThan(19_000)
    expect(context.remaining).toBeLessThanOrEqual(20_000)
  })

  test('all output of a function is written to its log file; the terminal shows only the messages of warnings and errors, each once', async () => {
    await resultOf('Environment')
    await resultOf('Environment')

    const shown = () =>
      logged.filter(line => line.includes('Environment: ')).map(line => line.slice('10:00:00 '.length))
    const told = ['ERROR Environment: something is wrong', 'WARN Environment: something is strange']
    await expect.poll(() => shown().sort()).toEqual(told)
    expect(logged.join()).not.toMatch(/secret|all is well/)
    const log = join(system.dataDir, 'logs', 'Environment.log')
    await expect.poll(() => readFileSync(log, 'utf8')).toContain('"prompt":"secret"')
  })

  test('a thread that starts while exports of traces fail knows this, because it may replace the thread that has reported the failure', async () => {
    const told = async (trouble: 'lasts' | 'ends') => {
      const line = { level: 'WARN', message: `exports: ${trouble}`, trouble, trouble_of: 'telemetry' }
      system.reportLine('gateway', JSON.stringify(line))
      system.functions.get('Environment')?.endIdle()
      return (await resultOf('Environment')).env.OTLP_EXPORTS_FAIL
    }

    expect(await told('lasts')).toBe('true')
    expect(await told('ends')).toBeUndefined()
  })

  test('each invocation of a function whose handler can’t be imported fails, and names the reason', async () => {
    for (let attempt = 0; attempt < 2; attempt++)
      expect(await system.invoke('Broken', {})).toMatchObject({
        ok: false,
        error: { errorMessage: 'cannot be imported' },
      })
  })

  test('a thread of a function runs several invocations at the same time, and all of them fail if the thread ends', async () => {
    const api = system.functions.get('Api')
    const killed = [1, 2].map(() => system.invoke('Api', { rawPath: '/wait' }))
    const other = system.invoke('Api', { rawPath: '/plain' })
    expect(await other).toEqual({ ok: true, payload: '{"hello":"world"}' })
    const threads = api?.threads() ?? []

    await api?.kill(threads[0]?.id ?? 0)

    expect(threads).toEqual([{ id: expect.any(Number), busy: true }])
    const crashed = { ok: false, error: { errorType: 'Runtime.ExitError' } }
    expect(await Promise.all(killed)).toMatchObject([crashed, crashed])
    expect(api?.threads()).toEqual([])
  })

  test('with SLUICE_INVOCATIONS_PER_THREAD=1, a thread runs one invocation at a time, and only this one fails if the thread ends', async () => {
    const other = await startSmall(
      { Resources: { Api: lambda('api', { Timeout: 30 }) } },
      { env: { SLUICE_INVOCATIONS_PER_THREAD: '1' } },
    )
    onTestFinished(other.close)
    const api = other.functions.get('Api')
    const killed = other.invoke('Api', { rawPath: '/wait' })
    expect(await other.invoke('Api', { rawPath: '/plain' })).toEqual({ ok: true, payload: '{"hello":"world"}' })
    const running = api?.threads().filter(({ busy }) => busy) ?? []

    await api?.kill(running[0]?.id ?? 0)

    expect(running).toHaveLength(1)
    expect(await killed).toMatchObject({ ok: false, error: { errorType: 'Runtime.ExitError' } })
    expect(api?.threads()).toEqual([{ id: expect.any(Number), busy: false }])
  })

  test('a function keeps its thread after an invocation, so the next invocation does not start a new thread', async () => {
    const before = system.functions.get('Environment')?.threads()
    await resultOf('Environment')
    expect(system.functions.get('Environment')?.threads()).toEqual(before)
  })
})

describe('a secret of the local system', () => {
  const secretOf = async (SecretId: string) => {
    const { env } = await resultOf('Environment')
    const client = new SecretsManagerClient({
      endpoint: env.AWS_ENDPOINT_URL_SECRETS_MANAGER,
      region: 'us-east-1',
      credentials: credentialsOf(system.accessKeyId),
    })
    return client.send(new GetSecretValueCommand({ SecretId }))
  }

  test.for(['MODEL_KEY', 'model-key', 'arn:aws:secretsmanager:us-east-1:000000000000:secret:model/key'])(
    'has the value of an environment variable: %s',
    async id => {
      expect((await secretOf(id)).SecretString).toBe('sesame')
    },
  )

  test('a secret that a function may read is not found if the environment has no variable for it', async () => {
    await expect(secretOf('other')).rejects.toThrow(/The environment has no other/)
  })

  test.for(['GITHUB_TOKEN', 'github-token', 'WRITTEN', 'MODEL.KEY', 'PATH', ''])(
    'the secret %j is not found, since no policy of the template allows a function to read it; the environment may have such a variable',
    async id => {
      await expect(secretOf(id)).rejects.toThrow(ResourceNotFoundException)
    },
  )
})

test('a custom resource of the template is created by its function', () => {
  expect(customCalls.read()).toEqual([
    { type: 'Create', properties: expect.objectContaining({ Answer: 'done', Hash: 'abc' }) },
  ])
})

test('local.json has the addresses of all servers until the local system is closed', async () => {
  const other = await startSmall({ Resources: {}, Outputs: { Here: { Value: 'there' } } })
  const file = join(other.dataDir, 'local.json')

  expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
    apiUrl: other.apiUrl,
    pid: process.pid,
    outputs: { Here: 'there' },
    endpoints: other.endpoints,
  })
  expect(JSON.parse(readFileSync(join(other.dataDir, 'aws.json'), 'utf8'))).toEqual({
    accessKeyId: expect.stringMatching(/^AKIA[A-Z2-7]{16}$/),
    otherServices: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
  })
  await other.close()
  expect(existsSync(other.dataDir)).toBe(false)
})

describe('a start of the local system', () => {
  const failingCustom = (Answer: string) => ({
    Custom: lambda('custom', {}),
    Migrations: {
      Type: 'AWS::CloudFormation::CustomResource',
      Properties: { ServiceToken: { 'Fn::GetAtt': ['Custom', 'Arn'] }, Answer },
    },
  })

  test.for([
    [
      { Cache: { Type: 'AWS::ElastiCache::CacheCluster' } },
      'Cache: resource type AWS::ElastiCache::CacheCluster is not supported by the local system.',
    ],
    [
      { Queue: { Type: 'AWS::SQS::Queue', Properties: { DelaySeconds: 'soon' } } },
      /^Queue \(AWS::SQS::Queue\): DelaySeconds: /,
    ],
    [
      { Queue: { Type: 'AWS::SQS::Queue', Properties: { FifoQueue: true } } },
      'Queue (AWS::SQS::Queue): FifoQueue: is not supported by the local system',
    ],
    [failingCustom('fail'), 'Migrations: function Custom failed: the migration is wrong'],
    [failingCustom('throw'), 'Migrations: function Custom failed: no such table'],
    [failingCustom('nothing'), 'Migrations: function Custom failed: it sent no answer to the ResponseURL'],
    [
      { Rule: { Type: 'AWS::Events::Rule', Properties: { ScheduleExpression: 'cron(0 12 * * ? *)' } } },
      'Rule: schedule cron(0 12 * * ? *) is not supported by the local system, which knows rate(...).',
    ],
  ] as const)(
    'a start is refused with %j, which the local system does not support or can’t create',
    async ([Resources, message]) => {
      await expect(startSmall({ Resources })).rejects.toThrow(message)
    },
  )

  test('a start is refused if its port is in use', async () => {
    const port = Number(new URL(system.apiUrl).port)
    await expect(startSmall({ Resources: {} }, { port })).rejects.toThrow(
      `Port ${port} is in use: stop what listens there, or choose another with PORT.`,
    )
  })

  test.for(['0', '1.5', 'many'])(
    'a start is refused with the wrong value %s of SLUICE_INVOCATIONS_PER_THREAD',
    async count => {
      await expect(startSmall({ Resources: {} }, { env: { SLUICE_INVOCATIONS_PER_THREAD: count } })).rejects.toThrow(
        `SLUICE_INVOCATIONS_PER_THREAD must be a whole number from 1 to 1000; it is "${count}".`,
      )
    },
  )

  test('a start is refused if DATABASE_URL can’t be reached; the error does not show its password', async () => {
    const env = { DATABASE_URL: 'postgres://someone:hunter2@127.0.0.1:1/ledger' }
    const start = startSmall({ Resources: {} }, { env })
    await expect(start).rejects.toThrow(/^DATABASE_URL \(postgres:\/\/127\.0\.0\.1:1\/ledger\) can't be reached: /)
    await expect(start).rejects.not.toThrow('hunter2')
  })

  test('a start is refused if the template can’t be synthesized', async () => {
    const assembly = () => Promise.reject(new Error('pipeline.yaml:1:1: wrong'))
    await expect(startSmall({ Resources: {} }, { assembly })).rejects.toThrow('pipeline.yaml:1:1: wrong')
  })
})
