import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CloudFormationClient, DescribeStacksCommand, ListStackResourcesCommand } from '@aws-sdk/client-cloudformation'
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { afterAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { cloudWatchLogs } from '../../../lib/cli/logs/cloudwatch-logs.ts'
import { main } from '../../../lib/cli/main.ts'
import { mockClient } from '../../support/mock-client.ts'
import { OUTPUTS } from './local-system.ts'

const ID = '019ab000-0000-7000-8000-000000000001'
const OTHER = '019ab000-0000-7000-8000-000000000002'

const folder = mkdtempSync(join(tmpdir(), 'sluice-logs-'))
const file = (name: string) => join(folder, 'logs', name)
const line = (second: number, fields: object) =>
  `${JSON.stringify({ level: 'WARN', timestamp: `2026-11-23T12:00:0${second}.000Z`, service: 'x', cold_start: true, ...fields })}\n`

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(join(folder, 'logs'), { recursive: true })
  const endpoints = Object.fromEntries(['sqs', 'dynamodb', 's3', 'rds_data'].map(name => [name, 'http://127.0.0.1:1']))
  writeFileSync(join(folder, 'aws.json'), JSON.stringify({ accessKeyId: 'test', otherServices: 'http://127.0.0.1:1' }))
  writeFileSync(
    join(folder, 'local.json'),
    JSON.stringify({ apiUrl: 'http://127.0.0.1:1', pid: process.pid, outputs: OUTPUTS, endpoints }),
  )
  writeFileSync(
    file('collector.log'),
    line(3, { message: 'a request of text failed', request_id: ID, detail: 'no room' }),
  )
  writeFileSync(
    file('worker-text.log.1'),
    line(1, { message: 'the model answered 500', request_id: ID, model: 'text', user_id: 'u1', status: 500 }),
  )
  writeFileSync(
    file('worker-text.log'),
    line(2, { message: 'the model answered 503', request_id: OTHER, model: 'text' }),
  )
  writeFileSync(file('metrics.jsonl'), `{"_aws":{},"request_id":"${ID}"}\n`)
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Runs a command. `round` is called each time the command waits. If `round` returns false, the command ends. */
async function sluice(argv: string, round: (ms: number) => boolean = () => false) {
  let out = ''
  let err = ''
  const controller = new AbortController()
  const code = await main(argv.split(' '), {
    env: { SLUICE_DATA: folder },
    clock: () => Date.parse('2026-11-23T12:00:00Z'),
    sleep: async ms => {
      if (!round(ms)) controller.abort()
    },
    interrupted: () => controller.signal,
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
  })
  return { code, out, err }
}

describe('logs', () => {
  it('`logs` prints all lines of a request from every function in the order of time, also from log files that are full and replaced', async () => {
    expect(await sluice(`logs ${ID}`)).toEqual({
      code: 0,
      out: [
        `12:00:01.000 worker-text WARN the model answered 500 request_id=${ID} model=text user_id=u1 status=500`,
        `12:00:03.000 collector WARN a request of text failed request_id=${ID} detail="no room"`,
        '',
      ].join('\n'),
      err: '',
    })
  })

  it('`logs` prints the fields of each line as JSON with --json', async () => {
    expect(JSON.parse((await sluice(`logs ${ID} --json`)).out)[1]).toEqual({
      at: '2026-11-23T12:00:03.000Z',
      function: 'collector',
      level: 'WARN',
      message: 'a request of text failed',
      request_id: ID,
      detail: 'no room',
    })
  })

  it('`logs` refuses a request without log lines', async () => {
    const nobody = '019ab000-0000-7000-8000-000000000009'
    expect(await sluice(`logs ${nobody}`)).toMatchObject({
      code: 1,
      err: expect.stringContaining('has logged anything'),
    })
  })
})

describe('tail', () => {
  it('`tail` prints each new line, also after a full log file was renamed and a new file was begun', async () => {
    let rounds = 0
    const { code, out } = await sluice('tail', () => {
      rounds += 1
      if (rounds === 1) appendFileSync(file('collector.log'), line(4, { message: 'one' }) + line(5, { message: 'two' }))
      if (rounds === 2) {
        renameSync(file('collector.log'), file('collector.log.1'))
        writeFileSync(file('collector.log'), line(6, { message: 'three' }))
      }
      return rounds < 3
    })

    expect(code).toBe(0)
    expect(out).toBe(
      '12:00:04.000 collector WARN one\n12:00:05.000 collector WARN two\n12:00:06.000 collector WARN three\n',
    )
  })

  it.each([
    ['--model text', ['of the model', 'of both']],
    ['--user u1', ['of the user', 'of both']],
    ['--model text --user u1', ['of both']],
  ])('`tail` prints only lines about %s', async (options, expected) => {
    let rounds = 0
    const { out } = await sluice(`tail ${options} --json`, () => {
      rounds += 1
      const lines = [
        { message: 'of the model', model: 'text' },
        { message: 'of the user', user_id: 'u1' },
        { message: 'of both', model: 'text', user_id: 'u1' },
        { message: 'of nobody' },
      ]
      if (rounds === 1) appendFileSync(file('collector.log'), lines.map((one, i) => line(i, one)).join(''))
      return rounds < 2
    })

    expect(
      out
        .trim()
        .split('\n')
        .map(text => JSON.parse(text).message),
    ).toEqual(expected)
  })

  it('`tail` prints a line only when the line is completely written', async () => {
    let rounds = 0
    const { out } = await sluice('tail', () => {
      rounds += 1
      const whole = line(4, { message: 'whole' })
      if (rounds === 1) appendFileSync(file('collector.log'), whole.slice(0, 9))
      if (rounds === 2) appendFileSync(file('collector.log'), whole.slice(9))
      return rounds < 3
    })

    expect(out).toBe('12:00:04.000 collector WARN whole\n')
  })

  it('`tail` ends with exit code 0 at the next line after the reader of its output has closed the pipe', async () => {
    const child = spawn(process.execPath, ['bin/sluice.ts', 'tail'], { env: { ...process.env, SLUICE_DATA: folder } })
    const logging = setInterval(() => appendFileSync(file('collector.log'), line(4, { message: 'more' })), 100)
    onTestFinished(() => {
      clearInterval(logging)
      child.kill()
    })
    let err = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      err += text
    })
    await once(child.stdout, 'data')
    child.stdout.destroy()

    const [code] = await once(child, 'close')

    expect({ code, err }).toEqual({ code: 0, err: '' })
  })
})

const mockCloudFormation = () => mockClient(CloudFormationClient)

/** A stack with one function. */
function deployGateway(cloudFormation: ReturnType<typeof mockCloudFormation>) {
  const place = (ResourceType: string, LogicalResourceId: string, PhysicalResourceId: string) => ({
    ResourceType,
    LogicalResourceId,
    PhysicalResourceId,
    LastUpdatedTimestamp: new Date(),
    ResourceStatus: 'CREATE_COMPLETE' as const,
  })
  cloudFormation.on(ListStackResourcesCommand).resolves({
    StackResourceSummaries: [
      place('AWS::Lambda::Function', 'GatewayFunctionLambda0A1B2C3D', 'fn'),
      place('AWS::Logs::LogGroup', 'GatewayFunctionLogs0A1B2C3D', 'group'),
    ],
  })
  const Outputs = Object.entries(OUTPUTS).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue }))
  cloudFormation.on(DescribeStacksCommand).resolves({
    Stacks: [{ StackName: 'sluice', CreationTime: new Date(0), StackStatus: 'UPDATE_COMPLETE', Outputs }],
  })
}

describe('the logs of a deployed stack', () => {
  it('the logs of a deployed stack are read again and again during an outage, at growing intervals, with one line for its begin and one for its end', async () => {
    const mocks = [mockCloudFormation(), mockClient(CloudWatchLogsClient)] as const
    onTestFinished(() => mocks.forEach(mock => void mock.restore()))
    const [cloudFormation, cloudWatch] = mocks
    deployGateway(cloudFormation)
    const throttled = Object.assign(new Error('Rate exceeded'), { name: 'ThrottlingException' })
    const at = Date.parse('2026-11-23T12:00:01Z')
    const events = [{ eventId: 'e1', timestamp: at, message: line(1, { message: 'first' }) }]
    cloudWatch
      .on(FilterLogEventsCommand)
      .resolvesOnce({ events })
      .rejectsOnce(throttled)
      .rejectsOnce(throttled)
      .resolves({ events: [...events, { eventId: 'e2', timestamp: at, message: line(2, { message: 'second' }) }] })
    const waits: number[] = []

    const { code, out, err } = await sluice('tail --target aws', ms => waits.push(ms) < 5)

    expect({ code, err }).toEqual({
      code: 0,
      err: [
        "the system can't be read now, and is tried again: ThrottlingException: Rate exceeded",
        'the system can be read again',
        '',
      ].join('\n'),
    })
    expect(out.match(/first|second/g)).toEqual(['first', 'second'])
    expect(waits).toEqual([5_000, 10_000, 20_000, 5_000, 5_000])
  })

  it('`tail` of a deployed stack ends with an error if AWS denies access to the logs', async () => {
    const mocks = [mockCloudFormation(), mockClient(CloudWatchLogsClient)] as const
    onTestFinished(() => mocks.forEach(mock => void mock.restore()))
    const [cloudFormation, cloudWatch] = mocks
    deployGateway(cloudFormation)
    cloudWatch.rejects(Object.assign(new Error('not allowed'), { name: 'AccessDeniedException' }))

    expect(await sluice('tail --target aws', () => true)).toEqual({ code: 1, out: '', err: 'error: not allowed\n' })
  })

  it('the logs of a deployed stack come from the log group of each function, and each line comes once', async () => {
    const cloudFormation = mockCloudFormation()
    deployGateway(cloudFormation)
    const cloudWatch = mockClient(CloudWatchLogsClient)
    const events = [
      { eventId: 'e1', timestamp: 5, message: line(1, { message: 'first', request_id: ID }) },
      { eventId: 'e2', timestamp: 6, message: 'REPORT RequestId: x' },
    ]
    cloudWatch.on(FilterLogEventsCommand).resolves({ events })
    const logs = cloudWatchLogs('sluice')

    const found = await logs.find(ID, 1)
    const follow = await logs.follow(2)
    const [now, later] = [await follow(), await follow()]

    expect(found).toMatchObject([{ function: 'GatewayFunction', message: 'first', fields: { request_id: ID } }])
    expect(cloudWatch.commandCalls(FilterLogEventsCommand)[0]?.args[0].input).toEqual({
      logGroupName: 'group',
      startTime: 1,
      filterPattern: `"${ID}"`,
    })
    expect([now.length, later.length]).toEqual([1, 0])
    cloudFormation.restore()
    cloudWatch.restore()
  })
})
