import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from './support/eventually.ts'
import { startTestModel } from './support/model.ts'
import { fixture, startSystem } from './support/system.ts'

test('Ctrl-C during a call to a model shows no error, gives the waiting client a 503, and uses up no last attempt: the request runs again at the next start', {
  timeout: 120_000,
}, async () => {
  const model = await startTestModel()
  onTestFinished(model.close)
  const data = mkdtempSync(join(tmpdir(), 'sluice-stops-'))
  onTestFinished(() => rmSync(data, { recursive: true }))
  // `retry.attempts` of this model is 1.
  const start = async () => {
    const system = await startSystem({
      SLUICE_CONFIG: fixture('held.yaml'),
      MODEL_URL: model.url,
      SLUICE_DATA: data,
    })
    return { system, client: system.client(system.demoKey) }
  }
  const slow = model.hold('slow')

  const first = await start()
  const posted = first.client.post({ prompt: 'slow' }, { prefer: 'wait=25' })
  await eventually(() => expect(model.calls).toHaveLength(1))
  expect(await first.system.stop()).toBe(0)

  expect(first.system.output().out).toMatch(/\nstopping\n$/)
  expect(first.system.output().err).toBe('')
  expect(await posted).toMatchObject({
    status: 503,
    body: { error: expect.stringContaining('may have been admitted'), status: 'error', code: 'unavailable' },
  })

  const second = await start()
  await eventually(() => expect(model.calls).toHaveLength(2))
  slow.release()
  const { body } = await second.client.send('GET', '/v1/inference')
  const [{ request_id: requestId }] = body.requests as [{ request_id: string }]
  expect(await second.client.ended(requestId)).toMatchObject({ status: 'completed', attempts: 2 })
  expect(await second.client.settledQuota()).toMatchObject({ requests: { used: 1 } })
  expect(await second.system.stop()).toBe(0)
})
