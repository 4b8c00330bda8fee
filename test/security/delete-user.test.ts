import { randomUUID } from 'node:crypto'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { S3Client } from '@aws-sdk/client-s3'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { allowUser } from '../../lib/cli/operations/users.ts'
import { credentialsOf } from '../../lib/local/trust/access-key.ts'
import type { ApiClient } from '../e2e/support/api-client.ts'
import { eventually } from '../e2e/support/eventually.ts'
import { answerJson, startTestModel, type TestModel } from '../e2e/support/model.ts'
import { jsonOfSluice, runSluice } from '../e2e/support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'
import { everythingStored, type Stores, tracesOf } from '../support/stored.ts'

let model: TestModel
let system: RunningSystem
let stores: Stores
let sqs: SQSClient

beforeAll(async () => {
  model = await startTestModel()
  system = await startSystem({ SLUICE_CONFIG: fixture('delete-user.yaml'), MODEL_URL: model.url })
  const { endpoints, outputs, accessKeyId } = system.localJson
  const common = { region: 'us-east-1', credentials: credentialsOf(accessKeyId) }
  const output = (name: string): string => outputs[name] ?? ''
  sqs = new SQSClient({ ...common, endpoint: endpoints.sqs })
  stores = {
    dynamoDb: new DynamoDBClient({ ...common, endpoint: endpoints.dynamodb }),
    tables: Object.keys(outputs)
      .filter(name => name.endsWith('Table'))
      .map(output),
    s3: new S3Client({ ...common, endpoint: endpoints.s3, forcePathStyle: true }),
    bucket: output('PayloadsBucket'),
    rdsData: new RDSDataClient({ ...common, endpoint: endpoints.rds_data }),
    ledger: {
      resourceArn: output('LedgerClusterArn'),
      secretArn: output('LedgerSecretArn'),
      database: output('LedgerDatabase'),
    },
  }
})
afterAll(async () => {
  sqs?.destroy()
  stores?.dynamoDb.destroy()
  stores?.s3.destroy()
  stores?.rdsData.destroy()
  await system?.stop()
  await model?.close()
})

type User = ApiClient & { readonly user: string; readonly mark: string }

/** Creates a user with a mark, i.e. a unique text that is in each prompt of this user and in no other prompt. */
const newUser = async (): Promise<User> => ({ ...(await system.newUser()), mark: `mark-${randomUUID()}` })

/** Makes requests of each kind: small, large, failed, with an Idempotency-Key, cancelled, and refused at an input queue. */
async function useEverything({ user, mark, ...client }: User): Promise<void> {
  const [failing, failingLarge] = [`fail ${mark}`, `fail ${mark} ${'x'.repeat(100_000)}`]
  for (const prompt of [failing, failingLarge]) model.on(prompt, answerJson({ error: 'no' }, 400))
  const held = model.hold(`hold ${mark}`)
  const ids = await Promise.all([
    client.submit({ prompt: `small ${mark}`, metadata: { note: mark } }),
    client.submit({ prompt: `large ${mark} ${'x'.repeat(100_000)}` }),
    client.submit({ prompt: failing }),
    client.submit({ prompt: failingLarge }),
  ])
  const keyed = await client.post({ prompt: `keyed ${mark}` }, { 'idempotency-key': mark })
  const cancelled = await client.submit({ prompt: `hold ${mark}` })
  await client.send('DELETE', `/v1/inference/${cancelled}`)
  held.release()
  await sendToInput(JSON.stringify({ user_id: user, prompt: mark, priority: 'high' }))
  await sendToInput(JSON.stringify({ user_id: user, prompt: mark + 'x'.repeat(100_000), priority: 'high' }))
  for (const id of [...ids, String(keyed.body.request_id), cancelled]) await client.ended(id)
  await client.settledQuota()
  await eventually(async () => {
    const texts = await stored()
    const letters = texts.filter(text => text.startsWith('dead_letters.message'))
    const [key = 'no key'] = texts.find(text => text.startsWith('inputs/') && text.includes(mark))?.split(' ') ?? []
    expect(letters.filter(text => text.includes(user) || text.includes(key))).toHaveLength(4)
  })
}

async function sendToInput(MessageBody: string): Promise<void> {
  const QueueUrl = `${system.localJson.endpoints.sqs}/000000000000/deletable-prompts`
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }))
}

const stored = () => everythingStored(stores)
const traces = async ({ user, mark }: User) => {
  const texts = await stored()
  return [...tracesOf(texts, user), ...texts.filter(text => text.includes(mark))]
}

/** Disables the user with a clock that is an hour behind. `users delete` waits for 89 s after a user was disabled, and so need not wait in the test. */
const disableAnHourAgo = ({ user }: User) =>
  allowUser({ ...system.admin, clock: () => Date.now() - 3_600_000 }, user, false)

describe('deletions of users', () => {
  test('`users delete` leaves no data of the user in any store, and the data of another user is unchanged', async () => {
    const [user, other] = [await newUser(), await newUser()]
    await Promise.all([useEverything(user), useEverything(other)])
    const before = (await traces(other)).toSorted()
    const { created } = await createKey(system.admin, { user: user.user })
    await disableAnHourAgo(user)

    const deleted = await jsonOfSluice(system, 'users', 'delete', user.user, '--yes')

    expect(deleted).toMatchObject({ user: user.user, keys: 2, requests: 6, rows: 6, dead_letters: 4, quota_items: 1 })
    expect(await traces(user)).toEqual([])
    expect((await traces(other)).toSorted()).toEqual(before)
    expect(before.length).toBeGreaterThan(20)
    expect(await system.client(created.key).send('GET', '/v1/quota')).toMatchObject({ status: 403 })
    expect(await runSluice(system, 'reconcile')).toMatchObject({ code: 0, err: '' })
    expect(await runSluice(system, 'users', 'delete', user.user, '--yes')).toEqual({
      code: 0,
      out: `Nothing is left of ${user.user}.\n`,
      err: '',
    })
  })

  test('`users delete` is refused while a request of the user runs, and succeeds when the request has ended', async () => {
    const user = await newUser()
    const held = model.hold(`hold ${user.mark}`)
    const id = await user.submit({ prompt: `hold ${user.mark}` })
    await eventually(async () =>
      expect((await user.send('GET', `/v1/inference/${id}`)).body).toMatchObject({ status: 'running' }),
    )
    await disableAnHourAgo(user)

    const refused = await runSluice(system, 'users', 'delete', user.user, '--yes')
    held.release()

    expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('1 request of') })
    await eventually(async () =>
      expect(await runSluice(system, 'users', 'delete', user.user, '--yes')).toMatchObject({ code: 0 }),
    )
    expect(await traces(user)).toEqual([])
  })
})
