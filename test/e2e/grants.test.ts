import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adminOf } from '../../lib/cli/admin.ts'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { localTarget } from '../../lib/cli/target.ts'
import { startThread } from '../../lib/local/lambda/thread.ts'
import { type LocalSystem, startLocal } from '../../lib/local/system.ts'
import { credentialsOf } from '../../lib/local/trust/access-key.ts'
import { synthesize } from '../../lib/synthesize.ts'
import type { Template } from '../stack/synthesized.ts'
import { createApiClient } from './support/api-client.ts'
import { eventually } from './support/eventually.ts'
import { type Deed, deedsIn, ungranted } from './support/grants.ts'
import { answerText, startTestModel, type TestModel } from './support/model.ts'
import { fixture } from './support/system.ts'

const LARGE = 'x'.repeat(100_000)
const folder = mkdtempSync(join(tmpdir(), 'sluice-grants-'))
const record = join(folder, 'calls.jsonl')

let model: TestModel
let system: LocalSystem
let template: Template
let stackName: string
let deeds: Deed[]

beforeAll(async () => {
  model = await startTestModel()
  const outdir = join(folder, 'cdk.out')
  const env = { ...process.env, MODEL_URL: model.url }
  const synthesized = await synthesize({ config: fixture('inputs.yaml'), env, outdir })
  stackName = synthesized.stackName
  template = JSON.parse(readFileSync(join(outdir, `${stackName}.template.json`), 'utf8'))
  watchFunctions(outdir)
  // Functions call the emulators over HTTP here, and not within the process, so that the recorder gets each call.
  system = await startLocal({ assembly: outdir, port: 0, dataDir: ':memory:', env, log: () => {}, startThread })
  await useEverything()
  await system.close()
  deeds = deedsIn(record)
}, 180_000)
afterAll(async () => {
  await system?.close()
  await model?.close()
  rmSync(folder, { recursive: true, force: true })
})

function watchFunctions(outdir: string): void {
  const recorder = new URL(`support/record-aws-calls.ts?file=${record}`, import.meta.url)
  for (const asset of readdirSync(outdir).filter(name => name.startsWith('asset.'))) {
    const file = join(outdir, asset, 'index.mjs')
    writeFileSync(file, `import ${JSON.stringify(recorder.href)}\n${readFileSync(file, 'utf8')}`)
  }
}

async function useEverything(): Promise<void> {
  const admin = adminOf(localTarget(system))
  const { created } = await createKey(admin, { user: 'someone', plan: 'pro' })
  const client = createApiClient(system.apiUrl, created.key)
  let tries = 0
  model.on('again', response => answerText('{"result":1}', ++tries === 1 ? 500 : 200)(response))
  model.on('refused', answerText('no', 400))
  const held = model.hold('held')

  for (const prompt of ['plain', 'again', 'refused', LARGE]) await client.ended(await client.submit({ prompt }))
  for (const _ of ['first', 'repeated'])
    await client.post({ prompt: 'keyed' }, { 'idempotency-key': 'k', prefer: 'wait=5' })
  await client.post({ prompt: 'high', model_type: 'image', priority: 'high' }, { prefer: 'wait=5' })
  await client.send('DELETE', `/v1/inference/${await client.submit({ prompt: 'held' })}`)
  held.release()
  await client.send('DELETE', `/v1/inference/${await client.submit({ prompt: LARGE })}`)
  await client.send('GET', '/v1/inference?limit=2')

  await sendToInput({ user_id: 'someone', prompt: 'queued' })
  await sendToInput({ user_id: 'someone', prompt: LARGE })
  await sendToInput({ user_id: 'nobody#', prompt: LARGE })
  await eventually(async () => expect(await admin.deadLetters.list({ limit: 9 })).toHaveLength(2))
  await client.settledQuota()
  for (const [logicalId] of system.functions) if (logicalId.startsWith('Sweeper')) await system.invoke(logicalId, {})
}

async function sendToInput(body: object): Promise<void> {
  const credentials = credentialsOf(system.accessKeyId)
  const sqs = new SQSClient({ endpoint: system.endpoints.sqs, region: 'us-east-1', credentials })
  const QueueUrl = `${system.endpoints.sqs}/000000000000/nightly-prompts`
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(body) }))
  sqs.destroy()
}

test('the recorder has recorded calls to AWS by every function, so the next test leaves out no function', () => {
  const names = Object.entries(template.Resources).flatMap(([id, { Type }]) =>
    Type === 'AWS::Lambda::Function' ? [`${stackName}-${id}`] : [],
  )
  expect([...new Set(deeds.map(({ function_name }) => function_name))].sort()).toEqual(names.sort())
})

test('each function makes only calls to AWS that its role or the bucket policy in the template allows', async () => {
  expect(await ungranted(template, stackName, deeds)).toEqual([])
})

test('if a permission is removed from the template, the check finds the calls to AWS that need it', async () => {
  const used = deeds.filter(({ action }) => action.startsWith('dynamodb:'))
  const without = structuredClone(template)
  for (const { Type, Properties } of Object.values(without.Resources))
    if (Type === 'AWS::IAM::Policy') {
      const document = Properties.PolicyDocument as { Statement: { Action: unknown }[] }
      document.Statement = document.Statement.filter(({ Action }) => !String(Action).includes('dynamodb:'))
    }

  expect(await ungranted(without, stackName, deeds)).toEqual(used)
})
