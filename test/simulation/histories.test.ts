import { expect, it } from 'vitest'
import { runHistory } from './history.ts'
import type { Backend } from './queues.ts'
import { replayedChoices, seededChoices } from './random.ts'
import { simulate } from './simulate.ts'

const SEEDS = 2_000
const RABBITMQ_SEEDS = 700

it(`Sluice keeps every promise in ${SEEDS} histories of at least 20 operations (I1–I12)`, async () => {
  const { histories, fewest, failures } = await simulate(1, SEEDS)

  expect(failures).toEqual([])
  expect(histories).toBe(SEEDS)
  expect(fewest).toBeGreaterThanOrEqual(20)
})

it(`Sluice keeps every promise in ${RABBITMQ_SEEDS} histories on RabbitMQ, which redelivers whole batches (I1–I12)`, async () => {
  const { histories, failures } = await simulate(1, RABBITMQ_SEEDS, { backend: 'rabbitmq' })

  expect(failures).toEqual([])
  expect(histories).toBe(RABBITMQ_SEEDS)
})

it('a seed always gives exactly the same history on RabbitMQ', async () => {
  const [first, again] = [await trace('rabbitmq', 4), await trace('rabbitmq', 4)]

  expect(again).toEqual(first)
  expect(first.join()).toContain('publishes to')
})

const trace = async (backend: Backend, seed: number) =>
  (await runHistory(seededChoices(seed), { backend, tracing: true })).lines

it.each([1, 2, 3])('the seed %i always gives exactly the same history', async seed => {
  const first = await runHistory(seededChoices(seed), { tracing: true })
  const again = await runHistory(seededChoices(seed), { tracing: true })

  expect(again.lines.join('\n')).toBe(first.lines.join('\n'))
  expect(first.lines.length).toBeGreaterThan(50)
})

it('the choices of a history give the same history again', async () => {
  const first = await runHistory(seededChoices(1), { tracing: true })
  const replayed = await runHistory(replayedChoices(first.choices), { tracing: true })

  expect(replayed).toEqual(first)
})
