import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { credentialsOf } from '../../lib/local/trust/access-key.ts'
import { eventually } from '../e2e/support/eventually.ts'
import { startTestModel, type TestModel } from '../e2e/support/model.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

const JUNK = 'x'.repeat(3_900_000)

let model: TestModel
let system: RunningSystem
let s3: S3Client

beforeAll(async () => {
  model = await startTestModel()
  system = await startSystem({ SLUICE_CONFIG: fixture('uncharged.yaml'), MODEL_URL: model.url })
  const { endpoints, accessKeyId } = system.localJson
  const credentials = credentialsOf(accessKeyId)
  s3 = new S3Client({ endpoint: endpoints.s3, region: 'us-east-1', credentials, forcePathStyle: true })
})
afterAll(async () => {
  s3?.destroy()
  await system?.stop()
  await model?.close()
})

/** The sizes in bytes of the objects that are stored for a user. */
async function storedFor(user: string): Promise<number[]> {
  const Bucket = system.localJson.outputs.PayloadsBucket
  const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket, Prefix: `requests/${user}/` }))
  return Contents.map(({ Size = 0 }) => Size)
}

test('15 large requests that are cancelled in the queue leave no object in the payload bucket and are not charged', async () => {
  const client = await system.newUser()
  const held = ['first', 'second'].map(prompt => model.hold(prompt))
  for (const prompt of ['first', 'second']) await client.submit({ prompt })
  const ids: string[] = []
  for (let i = 0; i < 15; i++) ids.push(await client.submit({ prompt: JUNK, parameters: { max_tokens: 1 } }))
  expect(await storedFor(client.user)).toHaveLength(15)

  for (const id of ids) await client.send('DELETE', `/v1/inference/${id}`)
  for (const one of held) one.release()

  for (const id of ids) expect(await client.ended(id)).toMatchObject({ status: 'cancelled', attempts: 0 })
  expect(await storedFor(client.user)).toEqual([])
  await eventually(async () => expect((await client.settledQuota()).requests.used).toBe(2))
})

test('a part of 200 simultaneous reads of one user is answered with 429, and another user is served', async () => {
  const flood = await system.newUser({ plan: 'slow' })
  const victim = await system.newUser()

  const answers = await Promise.all(Array.from({ length: 200 }, () => flood.send('GET', '/v1/quota')))
  const refused = answers.filter(({ status }) => status === 429)

  expect(refused.length).toBeGreaterThan(0)
  for (const { headers, body } of refused) {
    expect(body).toMatchObject({ status: 'error', code: 'rate_exceeded', limit: 'rate' })
    expect(Number(headers['retry-after'])).toBeGreaterThan(0)
  }
  expect(await victim.ended(await victim.submit({ prompt: 'hello' }))).toMatchObject({
    status: 'completed',
    attempts: 1,
  })
})
