import { expect, it } from 'vitest'
import type { PlantedBug } from './compose.ts'
import { runHistory } from './history.ts'
import { PLANTED_BUGS } from './planted/bugs.ts'
import { IN_RABBITMQ } from './planted/in-rabbitmq.ts'
import type { Backend } from './queues.ts'
import { seededChoices } from './random.ts'
import { shrink } from './shrink.ts'

/** The rarest bug shows in about one of 1,000 histories. So 6,000 seeds find each bug, even after a change of the code has changed the histories. */
const SEEDS = 6_000

it.each(PLANTED_BUGS)('the simulation catches: $name', bug => expectCaught(bug, 'sqs'))

it.each(IN_RABBITMQ)('the simulation catches on RabbitMQ: $name', bug => expectCaught(bug, 'rabbitmq'))

/** Bugs that are searched on RabbitMQ as well as on SQS. RabbitMQ redelivers whole batches, so other histories show these bugs than on SQS. */
const ON_BOTH = [
  'a live lease is ignored',
  'a reservation is released without a tombstone',
  'the event of an end is sent after the release',
  'an admission reads first and then writes',
  'a settlement has no condition',
]
it.each(PLANTED_BUGS.filter(({ name }) => ON_BOTH.includes(name)))('the simulation catches on RabbitMQ: $name', bug =>
  expectCaught(bug, 'rabbitmq'),
)

async function expectCaught(bug: PlantedBug, backend: Backend): Promise<void> {
  const { seenAt = 1 } = bug
  for (let i = 0; i < SEEDS; i++) {
    const { violation } = await runHistory(seededChoices(seenAt + i), { bug, backend })
    if (violation !== undefined) return
  }
  expect.fail(`no history of ${SEEDS} seeds shows it`)
}

it('shrinking a history that shows a planted bug gives a shorter history that breaks the same invariant', async () => {
  const bug = PLANTED_BUGS.find(({ name }) => name === 'a settlement has no condition')
  const lengths: number[] = []
  for await (const failed of failures(bug, 3)) {
    const shortest = await shrink(failed, { bug })

    expect(shortest.violation?.split(':')[0]).toBe(failed.violation?.split(':')[0])
    expect(shortest.steps).toBeLessThan(failed.steps)
    lengths.push(shortest.steps)
  }
  // The beginning of some histories can't be removed, so these histories stay long. Only the shortest of the three must be short.
  expect(Math.min(...lengths)).toBeLessThan(40)
})

async function* failures(bug: (typeof PLANTED_BUGS)[number] | undefined, count: number) {
  for (let seed = 1, found = 0; found < count; seed++) {
    const history = await runHistory(seededChoices(seed), { bug })
    if (history.violation === undefined) continue
    found += 1
    yield history
  }
}
