import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { DynamoDBClient, GetItemCommand, ScanCommand } from '@aws-sdk/client-dynamodb'
import { marshall } from '@aws-sdk/util-dynamodb'
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import packageJson from '../../../package.json' with { type: 'json' }
import { mockClient } from '../../support/mock-client.ts'
import { OUTPUTS, sluice } from './local-system.ts'

const NOW = '2026-11-23T12:00:00.000Z'
const folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))
afterAll(() => rmSync(folder, { recursive: true }))

const run = (line: string, env: Record<string, string> = { SLUICE_DATA: folder }) =>
  sluice(env, NOW, ...line.split(' ').filter(Boolean))

describe('main refuses wrong usage', () => {
  it.each([
    ['keys fetch', "unknown command 'fetch'"],
    ['keys creat', "unknown command 'creat' (Did you mean create?)"],
    ['keys create', "required option '--user <user>' not specified"],
    [
      'keys create --user u --expires 3w',
      "option '--expires <duration>' argument '3w' is invalid. It is a duration of up to 36500d, such as 90d or 12h, or never.",
    ],
    ['keys revoke', "missing required argument 'key-id'"],
    ['keys list --colour', "unknown option '--colour'"],
    [
      'keys list --target moon',
      "option '--target <target>' argument 'moon' is invalid. Allowed choices are local, aws.",
    ],
    ['keys list --stack sluice', '--stack goes with --target aws'],
    ['env --stack sluice', '--stack goes with --target aws'],
    ['config check --stack sluice', '--stack goes with --target aws'],
    ['cost --stack sluice', '--stack goes with --target aws'],
    ['start --stack sluice', '--stack goes with --target aws'],
    ['start --target aws', 'start is a command for the local system, so it takes no --target aws'],
    ['env --target aws --stack sluice', 'env is a command for the local system, so it takes no --target aws'],
    [
      'users set u#1 --plan free',
      "command-argument value 'u#1' is invalid for argument 'user'. A user id has 1 to 128 of A-Z a-z 0-9 . _ @ -",
    ],
    ['requests show 17', "command-argument value '17' is invalid for argument 'request-id'. A request id is a UUID."],
  ])('main refuses wrong usage in one line and with exit code 2: %s', async (line, sentence) => {
    expect(await run(line)).toEqual({ code: 2, out: '', err: `error: ${sentence}\n` })
    expect(await run(`${line} --json`)).toEqual({ code: 2, out: '', err: `${JSON.stringify({ error: sentence })}\n` })
  })

  it.each(['', 'keys'])('main prints help on stderr for "sluice %s", which names no command', async line => {
    const { code, out, err } = await run(line)

    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('Usage: sluice')
  })
})

it('main prints help on stdout if it is asked for help', async () => {
  const { code, out } = await run('--help')

  expect(code).toBe(0)
  for (const command of [
    'config',
    'doctor',
    'env',
    'keys',
    'users',
    'quota',
    'requests',
    'models',
    'dead-letters',
    'reconcile',
  ])
    expect(out).toContain(`  ${command} `)
})

it('main prints the version, and with --json as a JSON document', async () => {
  expect(await run('--version')).toEqual({ code: 0, out: `${packageJson.version}\n`, err: '' })
  for (const line of ['--version --json', '--json --version'])
    expect(JSON.parse((await run(line)).out)).toEqual({ version: packageJson.version })
})

describe('main: config', () => {
  it('`config check` checks the named file, or the file of SLUICE_CONFIG, without a system', async () => {
    const valid = await run('config check pipeline.yaml')
    const missing = await run('config check', { SLUICE_CONFIG: 'nowhere.yaml' })
    const asJson = await run('config check nowhere.yaml --json')

    expect(valid).toMatchObject({ code: 0, out: expect.stringContaining('models text; plans free, pro') })
    expect(missing).toEqual({ code: 1, out: '', err: expect.stringMatching(/^nowhere\.yaml:1:1: .*\n$/) })
    expect(asJson.code).toBe(1)
    expect(JSON.parse(asJson.out)).toMatchObject({ ok: false })
  })

  it('`config schema` prints the schema', async () => {
    expect(JSON.parse((await run('config schema')).out)).toHaveProperty('properties.models')
  })
})

describe('main: --target local', () => {
  const NotRunning = `error: no local system runs with the data folder ${folder} (SLUICE_DATA names another): start it with npm start, or name a deployed one with --target aws --stack NAME\n`
  const local = (changes: object, aws: object = { accessKeyId: 'test', otherServices: 'http://127.0.0.1:1' }) => {
    writeFileSync(join(folder, 'aws.json'), JSON.stringify(aws))
    writeFileSync(
      join(folder, 'local.json'),
      JSON.stringify({
        apiUrl: 'http://127.0.0.1:1',
        pid: process.pid,
        outputs: OUTPUTS,
        endpoints: Object.fromEntries(['sqs', 'dynamodb', 's3', 'rds_data'].map(name => [name, 'http://127.0.0.1:1'])),
        ...changes,
      }),
    )
  }
  afterEach(() => rmSync(join(folder, 'local.json'), { force: true }))

  it('the command line finds no system without local.json, or if the process that wrote it is dead', async () => {
    const absent = await run('keys list')
    local({ pid: 2 ** 30 })
    const dead = await run('keys list')

    expect([absent, dead]).toEqual(Array(2).fill({ code: 1, out: '', err: NotRunning }))
  })

  it('the command line reports that the system runs another version', async () => {
    const { Plans: _, ...old } = OUTPUTS
    local({ outputs: { ...old, KeysTable: undefined } })

    expect((await run('keys list')).err).toBe(
      'error: the local system has not the outputs of this version of Sluice (KeysTable, Plans): deploy or start it again with this version\n',
    )
  })

  it('the command line reports a local system whose local.json has no access key id as a system of another version', async () => {
    local({}, {})

    expect(await run('keys list')).toEqual({
      code: 1,
      out: '',
      err: `error: the local system with the data folder ${folder} runs another version of Sluice: stop it, and start it again with npm start\n`,
    })
  })

  it('`sluice env` unsets endpoints and proxies that would lead a tool of AWS away from the local system', async () => {
    local({ outputs: { ...OUTPUTS, InputQueueUrl1: 'http://127.0.0.1:1/000000000000/nightly', InputQueueArn1: 'arn' } })
    const env = {
      SLUICE_DATA: folder,
      AWS_ENDPOINT_URL_SNS: 'https://elsewhere.example',
      AWS_ENDPOINT_URL_SQS: 'https://elsewhere.example',
      https_proxy: 'http://proxy.example:3128',
      no_proxy: 'intranet.example',
    }

    const { code, out } = await run('env', env)

    expect(code).toBe(0)
    for (const line of [
      'unset AWS_ENDPOINT_URL_SNS',
      "export AWS_ENDPOINT_URL_SQS='http://127.0.0.1:1'",
      "export AWS_ENDPOINT_URL='http://127.0.0.1:1'",
      "export no_proxy='intranet.example,127.0.0.1'",
      "export NO_PROXY='intranet.example,127.0.0.1'",
      "export InputQueueUrl1='http://127.0.0.1:1/000000000000/nightly'",
    ])
      expect(out.split('\n')).toContain(line)
    expect(out).not.toContain('elsewhere')
    expect(out).not.toContain('InputQueueArn1')
    expect((await run('env')).out).not.toContain('proxy')
  })

  it('the command line prints one line and exits with 1 if the system can’t be reached', async () => {
    local({})

    expect(await run('keys list')).toEqual({
      code: 1,
      out: '',
      err: expect.stringMatching(/^error: the keys table is unavailable: (?!Error).*ECONNREFUSED.*\n$/),
    })
  })
})

describe('main: --target aws', () => {
  const mocks = () => ({ cloudFormation: mockClient(CloudFormationClient), dynamoDb: mockClient(DynamoDBClient) })
  let cloudFormation: ReturnType<typeof mocks>['cloudFormation']
  let dynamoDb: ReturnType<typeof mocks>['dynamoDb']
  beforeEach(() => {
    ;({ cloudFormation, dynamoDb } = mocks())
  })
  afterEach(() => {
    cloudFormation.restore()
    dynamoDb.restore()
    vi.unstubAllEnvs()
  })

  const fails = (name: string, message: string) => cloudFormation.rejects(Object.assign(new Error(message), { name }))

  const deploy = (StackName: string, outputs: Record<string, string>) =>
    cloudFormation.on(DescribeStacksCommand, { StackName }).resolves({
      Stacks: [
        {
          StackName,
          CreationTime: new Date(0),
          StackStatus: 'UPDATE_COMPLETE',
          Outputs: Object.entries({ ...OUTPUTS, ...outputs }).map(([OutputKey, OutputValue]) => ({
            OutputKey,
            OutputValue,
          })),
        },
      ],
    })

  it('the command line finds a stack by its outputs', async () => {
    deploy('prod', { UsersTable: 'prod-Users' })
    dynamoDb
      .on(GetItemCommand, { TableName: 'prod-Users' })
      .resolves({ Item: marshall({ user_id: 'u1', plan: 'pro', overrides: {} }) })

    const { code, out } = await run('users show u1 --target aws --stack prod --json')

    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ user: 'u1', limits: { requests: 100000 } })
  })

  it.each([
    ['', 'the ledger is resuming\n'],
    ['--json', ''],
  ])('the command line waits for a paused database: dead-letters list %s', async (json, err) => {
    deploy('sluice', {})
    const database = await startResuming()

    const ran = await run(`dead-letters list --target aws ${json}`)

    expect(ran).toMatchObject({ code: 0, err })
    await database.close()
  })

  it.each([
    [
      'ValidationError',
      'Stack with id sluice does not exist',
      'there is no stack sluice in this account and region: name yours with --stack',
    ],
    [
      'CredentialsProviderError',
      'Could not load credentials from any providers',
      'no AWS credentials were found: sign in, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    ],
    [
      'Error',
      'Region is missing',
      'no AWS region is set: set AWS_REGION, or name a profile that has one with AWS_PROFILE',
    ],
    [
      'Error',
      'getaddrinfo ENOTFOUND cloudformation.eu-west-1.amazonaws.com',
      "the stack sluice can't be read: getaddrinfo ENOTFOUND cloudformation.eu-west-1.amazonaws.com",
    ],
    [
      'ExpiredToken',
      'The security token is expired',
      "the stack sluice can't be read: ExpiredToken: The security token is expired",
    ],
  ])('the command line prints one clear line for %s', async (name, message, sentence) => {
    fails(name, message)

    expect(await run('keys list --target aws')).toEqual({ code: 1, out: '', err: `error: ${sentence}\n` })
    expect(dynamoDb.commandCalls(ScanCommand)).toHaveLength(0)
  })

  it('the command line refuses a stack that is not a stack of Sluice', async () => {
    cloudFormation.resolves({
      Stacks: [{ StackName: 'other', CreationTime: new Date(0), StackStatus: 'CREATE_COMPLETE' }],
    })

    expect((await run('keys list --target aws --stack other')).err).toMatch(
      /^error: the stack other has not the outputs/,
    )
  })
})

/**
 * Starts a server for the RDS Data API. It answers three calls as a database that resumes from a pause, and further calls
 * with no rows. The environment gives the address of the server to the AWS SDK.
 */
async function startResuming() {
  let calls = 0
  const server = createServer((_, response) => {
    calls += 1
    if (calls > 3) response.end('{"records":[]}')
    else response.writeHead(400, { 'x-amzn-errortype': 'DatabaseResumingException' }).end('{"message":"resuming"}')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  vi.stubEnv('AWS_ENDPOINT_URL_RDS_DATA', `http://127.0.0.1:${port}`)
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, 'test')
  vi.stubEnv('AWS_REGION', 'us-east-1')
  return {
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
    },
  }
}
