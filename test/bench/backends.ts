import { setTimeout as pause } from 'node:timers/promises'
import { answerJson, startTestModel, usualUsage } from '../e2e/support/model.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'
import { wholeCpuOf } from '../profile/threads.ts'
import { configOn, type QUEUE_BACKEND } from '../support/queue-backend.ts'
import { newVirtualHost } from '../support/rabbitmq.ts'
import { table } from './table.ts'

const USERS = 20
const EACH = 25
/** The duration of a call to the model, in milliseconds. The model in the fixture has a concurrency of 10. */
const CALL_MS = 200
const ROUNDS = Number(process.argv[2] ?? 3)

interface Measured {
  readonly seconds: number
  readonly cpuSeconds: number
}

/** Runs 500 requests of 20 users with SQS and with RabbitMQ in turn, and compares the times. AMQP_URL is the address of the broker. */
async function benchBackends(): Promise<string> {
  const rows: string[][] = []
  for (let round = 1; round <= ROUNDS; round++) {
    const sqs = await measure('sqs')
    const rabbitmq = await measure('rabbitmq')
    const ratio = (what: keyof Measured) => (rabbitmq[what] / sqs[what]).toFixed(2)
    for (const what of ['seconds', 'cpuSeconds'] as const)
      rows.push([
        `${round}`,
        what === 'seconds' ? 'time' : 'CPU',
        sqs[what].toFixed(1),
        rabbitmq[what].toFixed(1),
        ratio(what),
      ])
  }
  return `${USERS * EACH} requests of ${USERS} users, ${CALL_MS} ms per call, concurrency 10, in seconds\n${table(
    ['round', '', 'SQS', 'RabbitMQ', 'ratio'],
    rows,
  )}`
}

async function measure(backend: typeof QUEUE_BACKEND): Promise<Measured> {
  const host = backend === 'rabbitmq' ? await newVirtualHost() : undefined
  const model = await startTestModel()
  model.on('slow', async response => {
    await pause(CALL_MS)
    answerJson({ result: 'ok', usage: usualUsage })(response)
  })
  const system = await startSystem({
    SLUICE_CONFIG: configOn(backend, fixture('rabbitmq.yaml')),
    MODEL_URL: model.url,
    ...(host && { AMQP_URL: host.url }),
  })
  try {
    await run(system, 1)
    const cpu = cpuSecondsOf(system)
    const begun = performance.now()
    await run(system, EACH)
    return { seconds: (performance.now() - begun) / 1_000, cpuSeconds: cpuSecondsOf(system) - cpu }
  } finally {
    await system.stop()
    await model.close()
    await host?.close()
  }
}

/** Posts `each` requests per user. Resolves when all requests have ended and are settled. */
async function run(system: RunningSystem, each: number): Promise<void> {
  const users = await Promise.all(Array.from({ length: USERS }, () => system.newUser()))
  await Promise.all(
    users.map(async user => {
      for (let i = 0; i < each; i++) await user.submit({ prompt: 'slow' })
    }),
  )
  for (const user of users) while ((await user.quota()).in_flight.used > 0) await pause(50)
}

/** The CPU time of a process and all its threads, in seconds. */
const cpuSecondsOf = ({ process: { pid } }: RunningSystem): number => wholeCpuOf(Number(pid)) / 1_000

process.stdout.write(`${await benchBackends()}\n`)
