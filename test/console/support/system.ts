import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { eventually } from '../../e2e/support/eventually.ts'
import { answerText, startTestModel, type TestModel } from '../../e2e/support/model.ts'
import { type RunningSystem, startSystem } from '../../e2e/support/system.ts'

const CONFIG = fileURLToPath(new URL('../fixtures/console.yaml', import.meta.url))

/** The error text of the broken model. It has a script element, which the console must show as text and not execute. */
export const WORDS = 'no room for <script>alert(1)</script> today'

export interface ConsoleSystem {
  readonly system: RunningSystem
  readonly model: TestModel
  /** The address of the console that the system has printed. It contains the token. */
  readonly consoleUrl: string
  readonly token: string
  stop(): Promise<void>
}

/** Starts a local system with the console, and its model. */
export async function startConsoleSystem(): Promise<ConsoleSystem> {
  const model = await startTestModel()
  const system = await startSystem({ SLUICE_CONFIG: CONFIG, MODEL_URL: model.url })
  const [, consoleUrl = ''] = /^console +(\S+)$/m.exec(system.output().out) ?? []
  return {
    system,
    model,
    consoleUrl,
    token: new URL(consoleUrl).searchParams.get('token') ?? '',
    stop: async () => {
      await model.close()
      await system.stop()
    },
  }
}

/** The ids of the requests of a busy system, by their state. */
export interface Busy {
  readonly user: string
  readonly completed: readonly string[]
  readonly failed: readonly string[]
  /** A request whose first attempts failed and whose last attempt succeeded. */
  readonly retried: string
  /** Lets the running requests end. */
  release(): void
}

/** Makes requests that complete, fail, are retried, run, and wait. */
export async function makeBusy({ system, model }: ConsoleSystem): Promise<Busy> {
  const client = await system.newUser()
  const held = model.hold('hold')
  model.on('fail', answerText(WORDS, 500))
  let attempts = 0
  const usually = JSON.stringify({ result: { text: 'at last' }, usage: { total_tokens: 9 } })
  model.on('stumble', response => {
    attempts += 1
    answerText(attempts < 3 ? 'stumbled' : usually, attempts < 3 ? 503 : 200)(response)
  })
  const completed = await Promise.all([1, 2, 3].map(n => client.submit({ prompt: `quiet ${n}`, model: 'text' })))
  const retried = await client.submit({ prompt: 'stumble', model: 'text' })
  const failed = [
    await client.submit({ prompt: 'fail', model: 'broken' }),
    await client.submit({ prompt: 'fail', model: 'broken' }),
    await client.submit({ prompt: 'fail', model: 'text' }),
  ]
  for (let n = 0; n < 5; n += 1) await client.submit({ prompt: 'hold', model: 'slow' })
  for (const id of [...completed, retried, ...failed]) await client.ended(id)
  await eventually(() => expect(model.calls.filter(({ path }) => path === '/slow')).toHaveLength(2))
  return { user: client.user, completed, failed, retried, release: held.release }
}
