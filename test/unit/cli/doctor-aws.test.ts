import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { CloudControlClient, ListResourcesCommand } from '@aws-sdk/client-cloudcontrol'
import { CloudFormationClient, DescribeStacksCommand, ListStackResourcesCommand } from '@aws-sdk/client-cloudformation'
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import {
  type EventSourceMappingConfiguration,
  GetAccountSettingsCommand,
  InvokeCommand,
  LambdaClient,
  ListEventSourceMappingsCommand,
} from '@aws-sdk/client-lambda'
import {
  DescribeAccountAttributesCommand,
  DescribeOrderableDBInstanceOptionsCommand,
  RDSClient,
} from '@aws-sdk/client-rds'
import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import { DescribeSecretCommand, ResourceNotFoundException, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas'
import { GetParameterCommand, ParameterNotFound, SSMClient } from '@aws-sdk/client-ssm'
import { marshall } from '@aws-sdk/util-dynamodb'
import { Uint8ArrayBlobAdapter } from '@smithy/core/serde'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { mockClient } from '../../support/mock-client.ts'
import { writePipeline } from './doctor-pipelines.ts'
import { OUTPUTS, sluice } from './local-system.ts'

const NOW = '2026-11-27T12:00:00.000Z'
const HOUR = 3_600_000

const lambda = mockClient(LambdaClient)
const ssm = mockClient(SSMClient)
const rds = mockClient(RDSClient)
const quotas = mockClient(ServiceQuotasClient)
const cloudControl = mockClient(CloudControlClient)
const cloudFormation = mockClient(CloudFormationClient)
const secrets = mockClient(SecretsManagerClient)
const logs = mockClient(CloudWatchLogsClient)
const rdsData = mockClient(RDSDataClient)
const dynamoDb = mockClient(DynamoDBClient)
const all = [lambda, ssm, rds, quotas, cloudControl, cloudFormation, secrets, logs, rdsData, dynamoDb]

const named = (name: string, message: string) => Object.assign(new Error(message), { name })
const concurrency = (limit: number, unreserved = limit) =>
  lambda.on(GetAccountSettingsCommand).resolves({
    AccountLimit: { ConcurrentExecutions: limit, UnreservedConcurrentExecutions: unreserved },
  })

/** An account that has everything for a first deployment. */
beforeEach(() => {
  for (const client of all) client.reset()
  vi.stubEnv('AWS_REGION', 'eu-west-1')
  for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, 'test')
  concurrency(1000)
  ssm.on(GetParameterCommand, { Name: '/cdk-bootstrap/hnb659fds/version' }).resolves({ Parameter: { Value: '21' } })
  rds.on(DescribeOrderableDBInstanceOptionsCommand).resolves({
    OrderableDBInstanceOptions: [{ DBInstanceClass: 'db.serverless', SupportsHttpEndpoint: true }],
  })
  rds.on(DescribeAccountAttributesCommand).resolves({
    AccountQuotas: [{ AccountQuotaName: 'DBClusters', Used: 3, Max: 40 }],
  })
  quotas.on(GetServiceQuotaCommand, { ServiceCode: 'vpc', QuotaCode: 'L-F678F1CE' }).resolves({ Quota: { Value: 5 } })
  cloudControl.on(ListResourcesCommand, { TypeName: 'AWS::EC2::VPC' }).resolves({ ResourceDescriptions: [{}] })
  secrets.on(DescribeSecretCommand).resolves({ Name: 'there' })
  cloudFormation.on(DescribeStacksCommand).rejects(named('ValidationError', 'Stack with id sluice does not exist'))
})
afterEach(() => vi.unstubAllEnvs())

interface Check {
  readonly check: string
  readonly state: string
  readonly found: string
  readonly todo?: string
}

/** Runs doctor on a pipeline, and returns the results of its checks by name. */
async function doctor(pipeline = writePipeline({}), ...argv: string[]) {
  const { code, out } = await sluice({ SLUICE_CONFIG: pipeline }, NOW, 'doctor', '--target', 'aws', '--json', ...argv)
  const { ok, checks }: { ok: boolean; checks: Check[] } = JSON.parse(out)
  expect(ok).toBe(code === 0)
  return { code, ...Object.fromEntries(checks.map(({ check, ...rest }) => [check, rest])) } as {
    readonly code: number
    readonly [check: string]: unknown
  }
}

describe('sluice doctor --target aws, before a deployment', () => {
  it('`doctor` finds nothing wrong with a complete account, and prints a line per check', async () => {
    const ran = await sluice({ SLUICE_CONFIG: writePipeline({}) }, NOW, 'doctor', '--target', 'aws')

    expect(ran).toMatchObject({ code: 0, err: '' })
    // A long sentence continues in the next line, below its column.
    const lines = ran.out
      .trimEnd()
      .split('\n')
      .slice(1)
      .filter(line => !line.startsWith(' '))
    expect(lines.map(line => line.split(/ {2,}/).slice(0, 2))).toEqual([
      ['ok', 'pipeline'],
      ['ok', 'access'],
      ['ok', 'bootstrap'],
      ['ok', 'lambda concurrency'],
      ['ok', 'data api'],
      ['ok', 'quota of vpcs'],
      ['ok', 'quota of clusters'],
      ['ok', 'model text'],
      ['skipped', 'stack'],
    ])
  })

  it('`doctor` refuses an account of 10 concurrent executions if the queues leave none for the API, and says what to do', async () => {
    concurrency(10)

    expect(await doctor(writePipeline({ models: ['text', 'image'] }))).toMatchObject({
      code: 1,
      'lambda concurrency': {
        state: 'failed',
        found:
          'the account has 10 concurrent executions, 10 of them not reserved; the 6 queues with consumers take at least 2 each, so 0 would be left for the API, which needs 2',
        todo: expect.stringContaining('--service-code lambda --quota-code L-B99A9384'),
      },
    })
  })

  it('`doctor` accepts an account of 10 concurrent executions for one model, and warns that the queues may take all of them', async () => {
    concurrency(10)

    expect(await doctor()).toMatchObject({
      code: 0,
      'lambda concurrency': { state: 'warning', todo: expect.stringContaining('waiting.total') },
    })
    concurrency(9)
    expect(await doctor()).toMatchObject({ code: 1, 'lambda concurrency': { state: 'failed' } })
  })

  it('`doctor` counts concurrent executions that other functions have reserved as taken', async () => {
    concurrency(1000, 5)

    expect(await doctor()).toMatchObject({ code: 1, 'lambda concurrency': { state: 'failed' } })
  })

  it('`doctor` refuses reserved concurrency that would leave fewer than 100 executions unreserved, which AWS does not allow', async () => {
    concurrency(1000)
    expect(await doctor(writePipeline({ reserved: 901 }))).toMatchObject({ 'lambda concurrency': { state: 'failed' } })
    expect(await doctor(writePipeline({ reserved: 900 }))).toMatchObject({ 'lambda concurrency': { state: 'ok' } })
  })

  it.each([
    ['is missing', new ParameterNotFound({ message: 'no', $metadata: {} }), 'is not prepared for the CDK'],
    ['is too old', '5', 'has version 5, and 6 is needed'],
  ])('`doctor` explains how to bootstrap if the bootstrap stack %s', async (_, value, found) => {
    if (typeof value === 'string') ssm.on(GetParameterCommand).resolves({ Parameter: { Value: value } })
    else ssm.on(GetParameterCommand).rejects(value)

    expect(await doctor()).toMatchObject({
      code: 1,
      bootstrap: {
        state: 'failed',
        found: expect.stringContaining(found),
        todo: expect.stringContaining('npx cdk bootstrap'),
      },
    })
  })

  it('`doctor` reads the version of the CDK’s bootstrap from its stack if it may not read the parameter that has the version', async () => {
    ssm.on(GetParameterCommand).rejects(named('AccessDeniedException', 'not authorized to perform: ssm:GetParameter'))
    expect(await doctor()).toMatchObject({ code: 0, bootstrap: { state: 'warning' } })

    cloudFormation.on(DescribeStacksCommand, { StackName: 'CDKToolkit' }).resolves({
      Stacks: [
        {
          StackName: 'CDKToolkit',
          CreationTime: new Date(0),
          StackStatus: 'CREATE_COMPLETE',
          Outputs: [{ OutputKey: 'BootstrapVersion', OutputValue: '21' }],
        },
      ],
    })
    expect(await doctor()).toMatchObject({ code: 0, bootstrap: { state: 'ok' } })
  })

  it.each([
    ['offers no serverless Aurora PostgreSQL', 'eu-west-1', [], 'eu-west-1 has no serverless Aurora PostgreSQL'],
    ['reports no Data API', 'eu-west-1', [{ SupportsHttpEndpoint: false }], 'but not its RDS Data API'],
    [
      'is known to have no Data API, although AWS reports nothing about it',
      'eu-central-2',
      [{}],
      'but not its RDS Data API',
    ],
  ])('`doctor` refuses a region that %s', async (_, region, offers, found) => {
    vi.stubEnv('AWS_REGION', region)
    rds.on(DescribeOrderableDBInstanceOptionsCommand).resolves({ OrderableDBInstanceOptions: offers })

    expect(await doctor()).toMatchObject({
      code: 1,
      'data api': { state: 'failed', found: expect.stringContaining(found), todo: expect.stringContaining('region') },
    })
  })

  it('`doctor` refuses a region without room for one more VPC or cluster', async () => {
    cloudControl
      .on(ListResourcesCommand, { TypeName: 'AWS::EC2::VPC' })
      .resolves({ ResourceDescriptions: [{}, {}, {}], NextToken: 'more' })
      .on(ListResourcesCommand, { TypeName: 'AWS::EC2::VPC', NextToken: 'more' })
      .resolves({ ResourceDescriptions: [{}, {}] })
    rds
      .on(DescribeAccountAttributesCommand)
      .resolves({ AccountQuotas: [{ AccountQuotaName: 'DBClusters', Used: 40, Max: 40 }] })

    expect(await doctor()).toMatchObject({
      code: 1,
      'quota of vpcs': { state: 'failed', found: '5 of 5 VPCs of this region are used, and the stack needs one more' },
      'quota of clusters': { state: 'failed' },
    })
  })

  it('`doctor` refuses a model on this machine, and a secret that is missing or marked for deletion', async () => {
    secrets
      .on(DescribeSecretCommand, { SecretId: 'prod/missing' })
      .rejects(new ResourceNotFoundException({ message: 'no', $metadata: {} }))
      .on(DescribeSecretCommand, { SecretId: 'prod/deleted' })
      .resolves({ DeletedDate: new Date(0) })

    expect(await doctor(writePipeline({ url: 'http://127.0.0.1:8081/predict?key=hidden' }))).toMatchObject({
      code: 1,
      'model text': {
        state: 'failed',
        found:
          'it is called at http://127.0.0.1:8081/predict, which on AWS is the worker itself, where nothing answers',
        todo: expect.stringContaining('TEXT_MODEL_URL'),
      },
    })
    expect(await doctor(writePipeline({ secrets: ['prod/there', 'prod/missing', 'prod/deleted'] }))).toMatchObject({
      code: 1,
      'secret prod/there': { state: 'ok' },
      'secret prod/missing': { state: 'failed', todo: expect.stringContaining('create-secret --name prod/missing') },
      'secret prod/deleted': { state: 'failed', todo: expect.stringContaining('restore-secret') },
    })
  })

  it('`doctor` warns of a check for which it has no permission, and makes the other checks', async () => {
    rds.on(DescribeOrderableDBInstanceOptionsCommand).rejects(named('AccessDenied', 'not authorized to perform: rds:…'))

    expect(await doctor()).toMatchObject({
      code: 0,
      'data api': { state: 'warning', found: 'could not be examined: AccessDenied: not authorized to perform: rds:…' },
    })
  })

  it('`doctor` reports the mistakes of the pipeline file, and examines the account nevertheless', async () => {
    expect(await doctor('nowhere.yaml')).toMatchObject({
      code: 1,
      pipeline: { state: 'failed', found: expect.stringContaining('nowhere.yaml:1:1') },
      bootstrap: { state: 'ok' },
      'lambda concurrency': { state: 'ok' },
    })
  })

  it('`doctor` makes no check of the account if no AWS region is set', async () => {
    vi.stubEnv('AWS_REGION', undefined)
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere')

    const found = await doctor()

    expect(Object.keys(found)).toEqual(['code', 'pipeline', 'access'])
    expect(found).toMatchObject({
      code: 1,
      access: { state: 'failed', found: 'no AWS region is set', todo: expect.stringContaining('AWS_REGION') },
    })
  })
})

type Respond = (request: IncomingMessage) => { status: number; body: object }

/** The API of a deployed stack. */
async function startApi(respond: Respond): Promise<string> {
  const server = createServer((request, response) => {
    const { status, body } = respond(request)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An API that answers health checks and POSTs. It answers the GET of the request with `view`. */
const showing =
  (view: object): Respond =>
  ({ method, url = '' }) => {
    if (url === '/healthz') return { status: 200, body: { status: 'ok' } }
    if (method === 'POST') return { status: 202, body: { request_id: '01a21c05-24a7-71a6-a10c-a3c03109acaf' } }
    return { status: 200, body: view }
  }

const FUNCTIONS = ['GatewayFunction', 'ModeltextWorker']

async function deploy(
  respond: Respond = showing({ status: 'completed' }),
  status = 'UPDATE_COMPLETE',
  more: Record<string, string> = {},
) {
  const outputs = { ...OUTPUTS, ApiUrl: await startApi(respond), ...more }
  cloudFormation.on(DescribeStacksCommand, { StackName: 'sluice' }).resolves({
    Stacks: [
      {
        StackName: 'sluice',
        CreationTime: new Date(0),
        StackStatus: status as 'UPDATE_COMPLETE',
        Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
      },
    ],
  })
  const summary = (LogicalResourceId: string, ResourceType: string, PhysicalResourceId = LogicalResourceId) => ({
    LogicalResourceId,
    ResourceType,
    PhysicalResourceId,
    LastUpdatedTimestamp: new Date(0),
    ResourceStatus: 'CREATE_COMPLETE' as const,
  })
  cloudFormation.on(ListStackResourcesCommand).resolves({
    StackResourceSummaries: [
      ...FUNCTIONS.flatMap(name => [
        summary(`${name}Lambda0123ABCD`, 'AWS::Lambda::Function'),
        summary(`${name}Logs4567CDEF`, 'AWS::Logs::LogGroup', `logs-of-${name}`),
      ]),
      summary('StateLedgerFlowLogs2E92E957', 'AWS::Logs::LogGroup'),
      summary('FrontDoorAccessLog77186E72', 'AWS::Logs::LogGroup'),
    ],
  })
  logs.on(FilterLogEventsCommand).resolves({ events: [] })
  rdsData.on(ExecuteStatementCommand).resolves({ records: [] })
  dynamoDb.on(GetItemCommand).resolves({ Item: marshall({ user_id: 'sluice-doctor', plan: 'free', overrides: {} }) })
}

describe('sluice doctor --target aws, after a deployment', () => {
  it('`doctor` sends a request through the system, and reads the log of each function', async () => {
    await deploy()

    expect(await doctor()).toMatchObject({
      code: 0,
      stack: { state: 'ok', found: 'the stack sluice is in the state UPDATE_COMPLETE' },
      api: { state: 'ok' },
      ledger: { state: 'ok' },
      request: { state: 'ok', found: expect.stringMatching(/^a request went through .* in 0\.0 s$/) },
      'log of GatewayFunction': { state: 'ok' },
      'log of ModeltextWorker': { state: 'ok' },
    })
    const read = logs.commandCalls(FilterLogEventsCommand).map(({ args: [{ input }] }) => input)
    const groups = ['logs-of-GatewayFunction', 'logs-of-ModeltextWorker']
    expect(read.map(({ logGroupName }) => logGroupName)).toEqual([...groups, ...groups])
    const [now, hourAgo] = [Date.parse(NOW), Date.parse(NOW) - HOUR]
    expect(read.map(({ startTime, endTime }) => [startTime, endTime])).toEqual([
      ...Array(2).fill([hourAgo, now]),
      ...Array(2).fill([now - 24 * HOUR, hourAgo]),
    ])
  })

  it('`doctor` does not check quotas for resources that the stack already has', async () => {
    await deploy()

    const found = await doctor()

    expect(Object.keys(found)).not.toContain('quota of vpcs')
    expect(cloudControl.calls()).toHaveLength(0)
  })

  it('`doctor` deletes the API key that it has made for its request, even if the request failed', async () => {
    await deploy(({ url }) =>
      url === '/healthz' ? { status: 200, body: {} } : { status: 500, body: { message: 'x' } },
    )

    expect(await doctor()).toMatchObject({ code: 1, request: { state: 'failed' } })
    const written = dynamoDb.calls().map(({ args: [command] }) => command.constructor.name)
    expect(written.filter(name => name === 'PutItemCommand')).toHaveLength(1)
    expect(written.filter(name => name === 'DeleteItemCommand')).toHaveLength(1)
  })

  it('`doctor` reports why its request has failed', async () => {
    await deploy(showing({ status: 'failed', error: { code: 'model_unreachable', message: 'connect ECONNREFUSED' } }))

    expect(await doctor()).toMatchObject({
      code: 1,
      request: {
        state: 'failed',
        found: expect.stringContaining('is failed, model_unreachable: connect ECONNREFUSED'),
        todo: expect.stringContaining('runbook'),
      },
    })
  })

  it('`doctor` warns if its own user, sluice-doctor, has used up the limits of the plan', async () => {
    await deploy(({ url }) =>
      url === '/healthz' ? { status: 200, body: {} } : { status: 429, body: { code: 'quota_exceeded' } },
    )

    expect(await doctor()).toMatchObject({
      code: 0,
      request: { state: 'warning', todo: expect.stringContaining('users set sluice-doctor') },
    })
  })

  it('`doctor` warns if the plan of its own user, sluice-doctor, does not allow the default model', async () => {
    await deploy(({ url }) =>
      url === '/healthz' ? { status: 200, body: {} } : { status: 403, body: { code: 'model_not_allowed' } },
    )

    expect(await doctor()).toMatchObject({
      code: 0,
      request: { state: 'warning', todo: expect.stringContaining('users set sluice-doctor --plan') },
    })
  })

  it('`doctor` makes no key and sends no request with --no-request', async () => {
    await deploy()

    expect(await doctor(undefined, '--no-request')).toMatchObject({ code: 0, request: { state: 'skipped' } })
    expect(dynamoDb.calls()).toHaveLength(0)
  })

  it('`doctor` shows the last error of each function: as a failure if the error is less than an hour old, and as a warning otherwise', async () => {
    await deploy()
    const at = (ago: number, message: object) => ({
      timestamp: Date.parse(NOW) - ago,
      message: JSON.stringify(message),
    })
    const error = { name: 'Unavailable', message: 'the quota table is unavailable' }
    logs
      .on(FilterLogEventsCommand, { logGroupName: 'logs-of-GatewayFunction' })
      .resolves({ events: [at(20 * HOUR, { level: 'ERROR', message: 'older' })], nextToken: 'more' })
      .on(FilterLogEventsCommand, { logGroupName: 'logs-of-GatewayFunction', nextToken: 'more' })
      .resolves({ events: [at(60_000, { level: 'ERROR', message: 'a call failed', error })] })
      .on(FilterLogEventsCommand, { logGroupName: 'logs-of-ModeltextWorker' })
      .resolves({ events: [at(2 * HOUR, { type: 'platform.report', record: { status: 'timeout' } })] })

    expect(await doctor()).toMatchObject({
      code: 1,
      'log of GatewayFunction': {
        state: 'failed',
        found:
          'its last error, at 2026-11-27T11:59:00.000Z: a call failed, Unavailable: the quota table is unavailable',
      },
      'log of ModeltextWorker': {
        state: 'warning',
        found: 'its last error, at 2026-11-27T10:00:00.000Z: timeout',
      },
    })
  })

  it.each([
    ['ROLLBACK_COMPLETE', 'failed', 1],
    ['UPDATE_IN_PROGRESS', 'warning', 0],
  ])('`doctor` reports that a stack is in the state %s', async (status, state, code) => {
    await deploy(undefined, status)

    expect(await doctor()).toMatchObject({ code, stack: { state, found: expect.stringContaining(status) } })
  })

  it('`doctor` reports that the API or the ledger does not answer', async () => {
    await deploy(() => ({ status: 503, body: {} }))
    rdsData.on(ExecuteStatementCommand).rejects(named('BadRequestException', 'relation "dead_letters" does not exist'))

    expect(await doctor()).toMatchObject({
      code: 1,
      api: { state: 'failed', found: 'GET /healthz is answered with 503' },
      ledger: { state: 'failed', found: expect.stringContaining('does not exist') },
    })
  })
})

describe('sluice doctor, after a deployment with RabbitMQ', () => {
  const Broker = 'arn:aws:mq:eu-west-1:123456789012:broker:sluice:b-1'
  const taking = (queue: string, more: EventSourceMappingConfiguration = {}): EventSourceMappingConfiguration => ({
    ...{ EventSourceArn: Broker, Queues: [queue], State: 'Enabled', LastProcessingResult: 'OK' },
    ...more,
  })

  /** Deploys a stack whose function `broker` gives this answer, with these further event source mappings. */
  async function deployBroker(answer: object, ...mappings: EventSourceMappingConfiguration[]): Promise<string> {
    await deploy(undefined, undefined, { BrokerFunction: 'sluice-broker' })
    lambda.on(InvokeCommand).resolves({ Payload: Uint8ArrayBlobAdapter.fromString(JSON.stringify(answer)) })
    const own = taking('sluice-inference-text-normal-bulk')
    lambda
      .on(ListEventSourceMappingsCommand, { FunctionName: 'sluice-broker' })
      .resolves({ EventSourceMappings: [own] })
      .on(ListEventSourceMappingsCommand, { EventSourceArn: Broker })
      .resolves({ EventSourceMappings: [own], NextMarker: 'more' })
      .on(ListEventSourceMappingsCommand, { EventSourceArn: Broker, Marker: 'more' })
      .resolves({ EventSourceMappings: mappings })
    return writePipeline({ backend: 'rabbitmq' })
  }

  it('`doctor` lets the function `broker` check the broker, and checks all event source mappings', async () => {
    const pipeline = await deployBroker({ missing: [] }, taking('sluice-results'))

    expect(await doctor(pipeline)).toMatchObject({
      code: 0,
      broker: { state: 'ok' },
      mappings: { state: 'ok', found: '2 take messages of the broker' },
    })
    const [call] = lambda.commandCalls(InvokeCommand)
    expect(call?.args[0].input.FunctionName).toBe('sluice-broker')
    expect(JSON.parse(String(call?.args[0].input.Payload))).toEqual({ operation: 'find missing' })
  })

  it.each([
    [{ unavailable: 'connect ETIMEDOUT' }, "the function of the broker can't use it: connect ETIMEDOUT"],
    [{ missing: ['sluice-results'] }, 'it has no queue sluice-results'],
    [{ missing: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] }, 'it has no queue a, b, c, d, e and 2 more'],
  ])('`doctor` says what is wrong with the broker: %o', async (answer, found) => {
    const pipeline = await deployBroker(answer)

    expect(await doctor(pipeline)).toMatchObject({
      code: 1,
      broker: { state: 'failed', found, todo: expect.any(String) },
    })
  })

  it('`doctor` names each event source mapping that has a problem, with the reason of the problem', async () => {
    const pipeline = await deployBroker(
      { missing: [] },
      taking('sluice-results', { LastProcessingResult: 'PROBLEM: ACCESS_REFUSED' }),
      taking('sluice-inference-text-high', { State: 'Disabled', LastProcessingResult: undefined }),
      taking('sluice-inference-text-normal', { State: 'Updating', LastProcessingResult: 'No records processed' }),
    )

    expect(await doctor(pipeline)).toMatchObject({
      code: 1,
      mappings: {
        state: 'failed',
        found:
          '2 of 4 have a problem: sluice-results (Enabled, PROBLEM: ACCESS_REFUSED), sluice-inference-text-high (Disabled, without a reason)',
        todo: expect.stringContaining('docs/runbook.md#messages-are-not-taken'),
      },
    })
  })
})
