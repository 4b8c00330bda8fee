import { expect, it, vi } from 'vitest'
import { takeResults } from '../../../../functions/collector/take-results.ts'
import { aCollector } from '../../../support/collector.ts'
import { aDelivery } from '../../../support/deliveries.ts'
import { aMessage, anItem } from '../../../support/requests.ts'

it.each([
  { stores_prompts: true, what: 'the prompt', prompt: { inline: 'hello' } },
  { stores_prompts: undefined, what: 'no prompt', prompt: undefined },
])('a message that was received too often brings $what to the ledger (stores_prompts: $stores_prompts)', async one => {
  const { ports } = aCollector()
  const item = await ports.items.create(anItem())
  const logger = { info: vi.fn(), warn: vi.fn(), error: vi.fn() }

  await takeResults({ ...ports, logger, stores_prompts: one.stores_prompts }, [aDelivery(aMessage(item), 0)])

  const [told] = ports.queue.sent('results').map(({ body }) => body as { prompt?: unknown })
  expect(told).toMatchObject({ type: 'ended', status: 'failed' })
  expect(told?.prompt).toEqual(one.prompt)
})
