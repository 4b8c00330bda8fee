import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { credentialsOf } from '../../lib/local/trust/access-key.ts'
import { type Endpoint, echo, refuse, startEndpoint } from '../e2e/support/endpoint.ts'
import { eventually } from '../e2e/support/eventually.ts'
import { allCompleted, endedRows, endings, prompts, submitAll } from '../e2e/support/load.ts'
import { runSluice } from '../e2e/support/sluice.ts'
import { fixture, type RunningSystem, type Settings, startSystem } from '../e2e/support/system.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-e2e-'))
let endpoint: Endpoint
let settings: Settings
let system: RunningSystem

beforeAll(async () => {
  endpoint = await startEndpoint()
  const gone = await startEndpoint()
  gone.close()
  settings = {
    SLUICE_CONFIG: fixture('interrupted.yaml'),
    SLUICE_DATA: join(folder, 'data'),
    MODEL_URL: endpoint.url,
    ABSENT_URL: gone.url,
  }
  system = await startSystem(settings)
})

afterAll(async () => {
  await system?.stop()
  endpoint?.close()
  rmSync(folder, { recursive: true, force: true })
})

test('a request that waits for a retry or for an open circuit while the system stops completes after the next start', async () => {
  const [waiting, heldUp] = await Promise.all([system.newUser(), system.newUser()])
  endpoint.reply('busy', refuse(503))
  endpoint.reply('down', refuse(500))
  await Promise.all([submitAll(waiting, 'busy', prompts(5)), submitAll(heldUp, 'down', prompts(5))])
  await eventually(() => expect(endpoint.calls('busy').length).toBeGreaterThanOrEqual(5))
  await eventually(() => expect(system.functionLogs()).toMatch(/circuit [^"]*opened/))

  await system.stop()
  const called = { busy: endpoint.calls('busy').length, down: endpoint.calls('down').length }
  endpoint.reply('busy', echo)
  endpoint.reply('down', echo)
  // The clients use the address of the first start, so the second start gets the same port.
  system = await startSystem({ ...settings, PORT: new URL(system.apiUrl).port })

  for (const [model, client] of Object.entries({ busy: waiting, down: heldUp } as const)) {
    const rows = await endedRows(system, client)
    expect(endings(rows)).toEqual(allCompleted(5))
    const attempts = rows.reduce((sum, row) => sum + Number(row.attempts), 0)
    expect(endpoint.calls(model)).toHaveLength(attempts)
    expect(attempts).toBe(5 + called[model as keyof typeof called])
    expect(await client.quota()).toMatchObject({ requests: { used: 5 }, tokens: { used: 0 + 1 + 2 + 3 + 4 } })
  }
})

describe('a request whose deadline comes while it waits for another attempt', () => {
  test.for([
    ['busy', 1],
    ['absent', 0],
  ] as const)('expires, and is charged only if the model was reached (model %s)', async ([model, requests]) => {
    endpoint.reply('busy', refuse(503))
    const client = await system.newUser()

    const id = await client.submit({ prompt: 'expires', model })
    await eventually(async () => {
      const { body } = await client.send('GET', `/v1/inference/${id}`)
      expect(body).toMatchObject({ status: 'queued', attempts: 1 })
    })

    await letDeadlineCome(client.user, id)
    const expired = await client.ended(id)

    expect(expired).toMatchObject({ status: 'expired' })
    expect(expired.attempts).toBeGreaterThan(0)
    expect(expired).not.toHaveProperty('result')
    expect(await client.settledQuota()).toMatchObject({
      requests: { used: requests },
      tokens: { used: 0, reserved: 0 },
    })
  })
})

test('a request that is cancelled while it waits for another attempt gets no further attempt, and is charged one request and no tokens', async () => {
  const isFirst = (prompt = '') => endpoint.calls('busy').filter(({ inputs }) => inputs[0] === prompt).length === 1
  endpoint.reply('busy', (response, call) => (isFirst(call.inputs[0]) ? refuse(503) : echo)(response, call))
  const client = await system.newUser()
  const id = await client.submit({ prompt: 'cancelled', model: 'busy' })
  await eventually(async () => {
    const { body } = await client.send('GET', `/v1/inference/${id}`)
    expect(body).toMatchObject({ status: 'queued', attempts: 1 })
  })

  const cancelled = await client.send('DELETE', `/v1/inference/${id}`)

  expect(cancelled).toMatchObject({ status: 200, body: { status: 'cancelled', attempts: 1 } })
  expect(await client.settledQuota()).toMatchObject({ requests: { used: 1 }, tokens: { used: 0, reserved: 0 } })
  // The wait before a retry has the same length for each request. So when a later request has had its second attempt, the retry message of the
  // cancelled request was delivered, too, and must have caused no call.
  expect(await client.ended(await client.submit({ prompt: 'later', model: 'busy' }))).toMatchObject({ attempts: 2 })
  expect(isFirst('cancelled')).toBe(true)
})

/** Sets the deadline of a request to now. Otherwise the test would wait for the shortest `expire_after`, which is a minute. */
async function letDeadlineCome(user: string, id: string): Promise<void> {
  const { endpoints, outputs, accessKeyId } = system.localJson
  const credentials = credentialsOf(accessKeyId)
  const client = new DynamoDBClient({ endpoint: endpoints.dynamodb, region: 'us-east-1', credentials })
  await client.send(
    new UpdateItemCommand({
      TableName: outputs.RequestsTable,
      Key: { user_id: { S: user }, request_id: { S: id } },
      UpdateExpression: 'SET deadline = :now',
      ConditionExpression: 'attribute_exists(deadline)',
      ExpressionAttributeValues: { ':now': { N: String(Date.now()) } },
    }),
  )
  client.destroy()
}

test('`sluice reconcile` finds no difference between the stores after these tests, and no function has logged an error', async () => {
  const logged = system.functionLogs().split('\n')
  expect(logged.filter(line => line.includes('"level":"ERROR"'))).toEqual([])
  expect(await runSluice(system, 'reconcile')).toMatchObject({ code: 0, err: '' })
})
