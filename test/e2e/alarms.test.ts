import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { adminOf } from '../../lib/cli/admin.ts'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { localTarget } from '../../lib/cli/target.ts'
import { startThread } from '../../lib/local/lambda/thread.ts'
import { type LocalSystem, startLocal } from '../../lib/local/system.ts'
import { credentialsOf } from '../../lib/local/trust/access-key.ts'
import { synthesize } from '../../lib/synthesize.ts'
import { type AlarmedTemplate, type CloudWatch, createCloudWatch } from '../support/cloudwatch.ts'
import { type ApiClient, createApiClient } from './support/api-client.ts'
import { type Endpoint, refuse, startEndpoint } from './support/endpoint.ts'
import { eventually } from './support/eventually.ts'
import { fixture } from './support/system.ts'

const FIVE_MINUTES = 300

const scratch = mkdtempSync(join(tmpdir(), 'sluice-alarms-'))
/** The functions that crash at each invocation, each named by the beginning of its logical id. */
const crashing = new Set<string>()
let endpoint: Endpoint
let template: AlarmedTemplate
let system: LocalSystem
let cloudWatch: CloudWatch
let api: ApiClient
let sqs: SQSClient

const isCrashing = (functionName: string) => [...crashing].some(id => functionName.startsWith(`alarms-${id}`))
const CRASH = { ok: false, error: { errorType: 'Runtime.ExitError', errorMessage: 'Error: Runtime exited' } } as const

const logicalId = (id: string): string => [...system.functions.keys()].find(found => found.startsWith(id)) ?? ''

const send = (queue: string, body: object) =>
  sqs.send(
    new SendMessageCommand({
      QueueUrl: `${system.endpoints.sqs}/000000000000/${queue}`,
      MessageBody: JSON.stringify(body),
    }),
  )

const alarmsOf = (of: AlarmedTemplate): string[] =>
  Object.keys(of.Resources).filter(id => of.Resources[id]?.Type === 'AWS::CloudWatch::Alarm')

/** The name of an alarm: its logical id without the hashes. */
const readable = (id: string): string => id.replace(/Alarm[0-9A-F]{8}$/, '').replace(/[0-9A-F]{8}(?=Alarm)/, '')

const raised = async () => (await cloudWatch.raised()).map(readable)

/** Resolves as soon as the alarm is raised: when its definition in the template is met by the metrics that the system has counted. */
const expectRaised = (alarm: string) =>
  eventually(async () => {
    cloudWatch.sample(await system.queues())
    expect(await raised()).toContain(alarm)
  })

/** Runs `cause` in each of three periods of five minutes. In each period, it waits until `counted` has grown. */
async function inThreePeriods(cause: () => Promise<unknown>, counted: () => number): Promise<void> {
  for (let period = 0; period < 3; period++) {
    if (period > 0) cloudWatch.advance(FIVE_MINUTES)
    const before = counted()
    await cause()
    await eventually(() => expect(counted()).toBeGreaterThan(before))
  }
}

/** Per function: the number of invocations, and the number of messages that the function has returned to their queue. */
const told = { invocations: new Map<string, number>(), returned: new Map<string, number>() }
const add = (to: Map<string, number>, key: string, value: number) => to.set(key, (to.get(key) ?? 0) + value)

beforeAll(async () => {
  endpoint = await startEndpoint()
  const env = { MODEL_URL: endpoint.url, REFUSED_KEY: 'a key' }
  const { assembly } = await synthesize({ config: fixture('alarms.yaml'), env, outdir: join(scratch, 'out') })
  template = JSON.parse(readFileSync(join(assembly, 'alarms.template.json'), 'utf8'))
  cloudWatch = createCloudWatch('alarms', template)
  const { observer } = cloudWatch
  system = await startLocal({
    assembly,
    port: 0,
    dataDir: ':memory:',
    env,
    log: () => {},
    observer: {
      ...observer,
      metrics(line) {
        observer.metrics(line)
        const { service, ReturnedMessages = 0 } = JSON.parse(line)
        add(told.returned, service, ReturnedMessages)
      },
      invoked(invocation) {
        observer.invoked(invocation)
        add(told.invocations, invocation.service, 1)
      },
    },
    startThread: options => {
      const thread = startThread(options)
      return {
        ...thread,
        invoke: message => (isCrashing(options.functionName) ? Promise.resolve(CRASH) : thread.invoke(message)),
      }
    },
  })
  const { created } = await createKey(adminOf(localTarget(system)), { user: 'u1' })
  api = createApiClient(system.apiUrl, created.key)
  sqs = new SQSClient({
    endpoint: system.endpoints.sqs,
    region: 'us-east-1',
    credentials: credentialsOf(system.accessKeyId),
  })
})
afterAll(async () => {
  sqs?.destroy()
  await system?.close()
  endpoint?.close()
  rmSync(scratch, { recursive: true, force: true })
})

/** By the name of each alarm: a function of this test that brings about what the alarm warns of. `#` stands for the name of a model. */
const CAUSES: Readonly<Record<string, () => Promise<unknown>>> = {
  'Model#Failures': async () => {
    endpoint.reply('refusing', refuse(400))
    for (let i = 0; i < 3; i++) await api.ended(await api.submit({ prompt: 'x', model: 'refusing' }))
  },
  'Model#Circuit': async () => {
    endpoint.reply('broken', refuse(500))
    await api.submit({ prompt: 'x', model: 'broken' })
  },
  'Model#Halt': async () => {
    endpoint.reply('keyless', refuse(401))
    await api.submit({ prompt: 'x', model: 'keyless' })
  },
  'Model#Worker': () =>
    inThreePeriods(
      () => Promise.all([1, 2, 3].map(() => api.submit({ prompt: 'x', model: 'locked' }))),
      () => Math.floor((told.returned.get('alarms-worker-locked') ?? 0) / 3),
    ),
  Defects: () => system.invoke(logicalId('AuthorizerFunction'), null),
  AuthorizerErrors: () => system.invoke(logicalId('AuthorizerFunction'), null),
  GatewayErrors: async () => {
    crashing.add('GatewayFunction')
    await api.post({ prompt: 'x' })
  },
  FrontDoorServerErrors: async () => {
    crashing.add('GatewayFunction')
    for (let i = 0; i < 5; i++) expect((await api.post({ prompt: 'x' })).status).toBe(500)
  },
  FrontDoorRefusedCalls: async () => {
    const call = async () => (await fetch(`${system.apiUrl}/v1/quota`)).text()
    for (let i = 0; i < 60; i++) await Promise.all(Array.from({ length: 50 }, call))
  },
  // The local system never throttles a function. But if a caller gives up before the function has a thread, the local system answers and counts the call as
  // Lambda does with a throttled invocation. So the alarm can be tested.
  FrontDoorThrottles: async () => {
    const reader = system.functions.get(logicalId('ReaderFunction'))
    for (const { id } of reader?.threads() ?? []) await reader?.kill(id)
    const caller = new AbortController()
    const invocation = reader?.invoke({}, 'caller', caller.signal)
    caller.abort()
    expect(await invocation).toMatchObject({ ok: false, error: { errorType: 'TooManyRequestsException' } })
  },
  SweeperErrors: async () => {
    crashing.add('SweeperFunction')
    for (let i = 0; i < 2; i++) await system.invoke(logicalId('SweeperFunction'), {})
  },
  RetentionErrors: async () => {
    crashing.add('RetentionFunction')
    await system.invoke(logicalId('RetentionFunction'), {})
  },
  // Only a newer version of Sluice could read this message. So the collector returns it to its queue at each delivery.
  ResultsComesAgain: () =>
    inThreePeriods(
      () => send('alarms-results', { v: 1, type: 'novel' }),
      () => told.returned.get('alarms-collector') ?? 0,
    ),
  ResultsOldest: async () => {
    crashing.add('ResultsCollector')
    await send('alarms-results', { v: 1, type: 'novel' })
    cloudWatch.advance(FIVE_MINUTES)
  },
  ResultsDeadLetters: () => send('alarms-results-dlq', { v: 1 }),
  ResultsGivenUp: () => send('alarms-inference-dlq', { v: 1 }),
  IntakeInputnightlypromptsDeadLetters: () => send('nightly-prompts-dlq', { user_id: 'u1' }),
  IntakeComesAgain: () => {
    crashing.add('IntakeFunction')
    return inThreePeriods(
      () => send('nightly-prompts', { user_id: 'u1', prompt: 'x' }),
      () => told.invocations.get('intake') ?? 0,
    )
  },
  IntakeInputnightlypromptsOldest: async () => {
    crashing.add('IntakeFunction')
    await send('nightly-prompts', { user_id: 'u1', prompt: 'x' })
    cloudWatch.advance(FIVE_MINUTES)
  },
  // The worker crashes, so the request stays in its queue. After 31 s, the request has waited for more than half of the minute after which it
  // expires. The alarm must be raised at half of this time, so that an operator can still act.
  'Model#Waiting': async () => {
    crashing.add('ModeltextWorker')
    await api.submit({ prompt: 'x', model: 'text' })
    cloudWatch.advance(31)
  },
}

/** The model for which each alarm is tested. */
const MODELS: Readonly<Record<string, string>> = {
  'Model#Failures': 'refusing',
  'Model#Circuit': 'broken',
  'Model#Halt': 'keyless',
  'Model#Worker': 'locked',
  'Model#Waiting': 'text',
}

describe('alarms of the template', () => {
  beforeEach(() => {
    crashing.clear()
    // Advances the clock of the metrics by a day. So the metrics of earlier tests do not raise the alarm of this test.
    cloudWatch.advance(24 * 3_600)
  })

  it('each alarm of the template has a cause in CAUSES, so the next tests leave out no alarm', () => {
    const models = /^Model(text|refusing|broken|keyless|locked)/
    const kinds = new Set(alarmsOf(template).map(id => readable(id).replace(models, 'Model#')))
    expect([...kinds].sort()).toEqual(Object.keys(CAUSES).sort())
  })

  it('no alarm is raised while requests complete', async () => {
    await api.ended(await api.submit({ prompt: 'x' }))
    // A client can read the result a moment before the `outcome` event is deleted from the results queue. The clock of the metrics is a day ahead, so
    // this event would count as a day old and raise an alarm. So the test waits until all queues are empty.
    const oldest = async () => (await system.queues()).map(({ oldest_sent_at }) => oldest_sent_at)
    await expect.poll(async () => (await oldest()).every(at => at === undefined)).toBe(true)
    cloudWatch.sample(await system.queues())

    expect(await raised()).toEqual([])
  })

  it.each(Object.keys(CAUSES))('the alarm %s is raised by its cause', async kind => {
    const alarm = kind.replace('#', MODELS[kind] ?? '')
    expect(await raised()).not.toContain(alarm)

    await CAUSES[kind]?.()

    await expectRaised(alarm)
  })
})
