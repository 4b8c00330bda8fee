import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { main } from '../../lib/cli/main.ts'
import { configOn } from '../support/queue-backend.ts'
import { BROKER_URL, newVirtualHost, type VirtualHost } from '../support/rabbitmq.ts'
import { type ApiClient, createApiClient } from './support/api-client.ts'
import { eventually } from './support/eventually.ts'
import { ledgerRows } from './support/ledger.ts'
import { answerJson, answerText, startTestModel, type TestModel, usualUsage } from './support/model.ts'
import { environment, fixture, type RunningSystem, startRefused, startSystem } from './support/system.ts'

type Backend = 'sqs' | 'rabbitmq'

const FILES = { sqs: configOn('sqs', fixture('moving.yaml')), rabbitmq: configOn('rabbitmq', fixture('moving.yaml')) }
const USER = 'mover'

/** The number of requests that wait in queues. With RabbitMQ, so many requests of one user are partly in the bulk queue. */
const WAITING = 14

/** `reconcile` leaves out requests that changed in the last two minutes. So the test runs it with a clock that is three minutes ahead. */
const LATER_MS = 180_000

/** The longest wait for the end of a request. A retry waits for six seconds before its call, and a busy machine needs longer. */
const PATIENCE = { timeout: 60_000, interval: 500 }

/** The timeout of a test in milliseconds. It is enough for six starts of the local system on a busy machine. */
const LONGEST_MS = 400_000

// The test follows the steps of docs/queues.md, with requests in every state.
describe.skipIf(BROKER_URL === undefined)('a system whose queue backend is changed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-moving-'))
  const data = join(folder, 'data')
  let host: VirtualHost
  let model: TestModel
  let system: RunningSystem
  let key: string

  const client = (): ApiClient => createApiClient(system.apiUrl, key)
  const settings = (backend: Backend) => ({
    SLUICE_CONFIG: FILES[backend],
    SLUICE_DATA: data,
    MODEL_URL: model.url,
    AMQP_URL: host.url,
  })

  /** Runs a command with a clock that is ahead by `laterMs`, and returns its JSON output. */
  async function sluice<T>(argv: string[], laterMs = 0): Promise<T> {
    let out = ''
    await main([...argv, '--json'], {
      env: environment({ SLUICE_DATA: data, MODEL_URL: model.url }),
      clock: () => Date.now() + laterMs,
      out: text => {
        out += text
      },
      err: () => undefined,
    })
    return JSON.parse(out)
  }

  /** Returns the result of doctor's check `queues`, which says whether the system can change to this queue backend. */
  const queuesCheck = async (to: Backend) => (await checks(to)).find(({ check }) => check === 'queues')

  async function checks(to: Backend) {
    const argv = ['doctor', FILES[to], '--no-request']
    return (await sluice<{ checks: { check: string; state: string; found: string }[] }>(argv)).checks
  }

  /** Makes requests in every state: one has failed, one waits for a retry, one runs, and the others wait in the queue behind the running request. */
  async function everyState(name: string) {
    model.on(`${name} refused`, answerText('no', 400))
    const refused = await client().submit({ prompt: `${name} refused` })
    expect(await client().ended(refused)).toMatchObject({ status: 'failed' })

    const tried = new Set<string>()
    model.on(`${name} retried`, (response, { body: { input } }) => {
      if (tried.has(input)) return answerJson({ result: { echo: input }, usage: usualUsage })(response)
      tried.add(input)
      return answerText('', 503)(response)
    })
    const retried = await client().submit({ prompt: `${name} retried` })
    await eventually(async () => {
      const { body } = await client().send('GET', `/v1/inference/${retried}`)
      expect(body).toMatchObject({ status: 'queued', attempts: 1 })
    })

    const { release } = model.hold(`${name} held`)
    const held = await client().submit({ prompt: `${name} held` })
    await eventually(() => expect(callsOf(`${name} held`)).toBe(1))
    const keyed = String((await postKeyed(name)).body.request_id)
    const prompts = Array.from({ length: WAITING }, (_, i) => ({ prompt: `${name} waiting ${i}` }))
    const waiting = await Promise.all(prompts.map(client().submit))
    const message = JSON.stringify({ user_id: USER, prompt: `${name} from the input` })
    expect(await system.admin.sendInput('moving_prompts', message)).toBe(true)
    return { refused, keyed, accepted: [retried, held, keyed, ...waiting], release }
  }

  const postKeyed = (name: string) => client().post({ prompt: `${name} keyed` }, { 'idempotency-key': name })
  const callsOf = (input: string): number => model.calls.filter(({ body }) => body.input === input).length

  beforeAll(async () => {
    host = await newVirtualHost()
    model = await startTestModel()
    system = await startSystem(settings('sqs'))
    key = (await sluice<{ key: string }>(['keys', 'create', '--user', USER])).key
  })
  afterAll(async () => {
    await system?.stop()
    await model?.close()
    await host?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  // `tooEarly`: a start on these queues while requests are still open. It must be refused, because the requests would be lost with their old queues.
  // Each such start takes seconds, so the test tries only one.
  test.each([
    { from: 'sqs', to: 'rabbitmq', tooEarly: ['rabbitmq'] },
    { from: 'rabbitmq', to: 'sqs', tooEarly: [] },
  ] as const)(
    'a system whose queue backend is changed from $from to $to ends and charges each accepted request exactly once',
    async ({ from, to, tooEarly }) => {
      const ofBroker = from === 'rabbitmq' ? [expect.objectContaining({ check: 'broker', state: 'ok' })] : []
      expect(await checks(from)).toEqual(expect.arrayContaining(ofBroker))
      const work = await everyState(`${from} to ${to}:`)
      expect(await queuesCheck(to)).toMatchObject({ state: 'failed', found: expect.stringContaining('have not ended') })

      await system.stop()
      for (const backend of tooEarly)
        expect(await startRefused(settings(backend))).toMatchObject({
          code: 1,
          err: expect.stringContaining(`requests have not ended in ${data}, and the messages are in queues of SQS`),
        })
      system = await startSystem(settings(from))
      work.release()
      await eventually(async () => expect(await queuesCheck(to)).toMatchObject({ state: 'ok' }), PATIENCE)
      await system.stop()
      const calls = model.calls.length
      system = await startSystem(settings(to))

      for (const id of work.accepted) expect(await client().ended(id)).toMatchObject({ status: 'completed' })
      expect((await postKeyed(`${from} to ${to}:`)).body).toMatchObject({ request_id: work.keyed })
      expect(model.calls).toHaveLength(calls)
      model.on(`${from} to ${to}: refused`, answerJson({ result: 'now', usage: usualUsage }))
      await sluice(['dead-letters', 'redrive', work.refused])
      expect(await client().ended(work.refused)).toMatchObject({ status: 'completed' })
      const next = await client().submit({ prompt: 'after the move' })
      expect(await client().ended(next)).toMatchObject({ status: 'completed' })

      const { requests, tokens } = await client().settledQuota()
      const rows = await ledgerRows(system, USER)
      expect(rows.map(({ status }) => status)).toEqual(Array(requests.used).fill('completed'))
      expect(rows.filter(({ prompt }) => String(prompt).startsWith(`${from} to ${to}:`))).toHaveLength(WAITING + 5)
      expect(tokens.used).toBe(usualUsage.total_tokens * requests.used)
      expect(await sluice(['reconcile'], LATER_MS)).toEqual([])
      await eventually(async () => expect(await host.messages()).toEqual({}))
    },
    LONGEST_MS,
  )
})
