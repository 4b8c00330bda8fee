import { expect, it } from 'vitest'
import { runHistory } from './history.ts'
import type { Backend } from './queues.ts'
import { replayedChoices, seededChoices } from './random.ts'
import { simulate } from './simulate.ts'

const SEEDS = 2_000
const RABBITMQ_SEEDS = 700

it(`no invariant (I1–I12) breaks in ${SEEDS} simulated histories of at least 20 operations`, async () => {
  const { histories, fewest, failures } = await simulate(1, SEEDS)

  expect(failures).toEqual([])
  expect(histories).toBe(SEEDS)
  expect(fewest).toBeGreaterThanOrEqual(20)
})

it(`no invariant (I1–I12) breaks in ${RABBITMQ_SEEDS} simulated histories on RabbitMQ, which redelivers whole batches`, async () => {
  const { histories, failures } = await simulate(1, RABBITMQ_SEEDS, { backend: 'rabbitmq' })

  expect(failures).toEqual([])
  expect(histories).toBe(RABBITMQ_SEEDS)
})

it('two runs of the same seed give exactly the same history on RabbitMQ', async () => {
  const [first, again] = [await trace('rabbitmq', 4), await trace('rabbitmq', 4)]

  expect(again).toEqual(first)
  expect(first.join()).toContain('publishes to')
})

const trace = async (backend: Backend, seed: number) =>
  (await runHistory(seededChoices(seed), { backend, tracing: true })).lines

it.each([1, 2, 3])('two runs of seed %i give exactly the same history', async seed => {
  const first = await runHistory(seededChoices(seed), { tracing: true })
  const again = await runHistory(seededChoices(seed), { tracing: true })

  expect(again.lines.join('\n')).toBe(first.lines.join('\n'))
  expect(first.lines.length).toBeGreaterThan(50)
})

it('the recorded choices of a history give exactly the same history again', async () => {
  const first = await runHistory(seededChoices(1), { tracing: true })
  const replayed = await runHistory(replayedChoices(first.choices), { tracing: true })

  expect(replayed).toEqual(first)
})
