import { expect, it } from 'vitest'
import { reservationOf } from '../../../functions/core/domain/item.ts'
import { RESULTS_QUEUE } from '../../../functions/core/queue/names.ts'
import { sweep } from '../../../functions/sweeper/sweep.ts'
import { sweepsOf } from '../../../lib/cost/sweeps.ts'
import { NOW } from '../../support/clock.ts'
import { memoryPorts } from '../../support/ports.ts'
import { anItem, newUser } from '../../support/requests.ts'

const SECOND = 1_000
const BETWEEN_SWEEPS = 120

/**
 * Runs the sweeper, and counts per request how often it reads the request (`looks`) and sends an `accepted` event for it
 * (`announcements`). Requests are open for each of these times in seconds. For each time, one request begins in each second
 * between two sweeps.
 */
async function counted(times: readonly number[]) {
  const ports = memoryPorts()
  let looks = 0
  const items: typeof ports.items = {
    ...ports.items,
    get: async () => {
      throw new Error('a request that goes on needs only the cheaper read')
    },
    getPossiblyStale: (user, id) => {
      looks += 1
      return ports.items.getPossiblyStale(user, id)
    },
  }
  const requests = times.flatMap(seconds =>
    Array.from({ length: BETWEEN_SWEEPS }, (_, second) => ({ at: NOW + second * SECOND, seconds })),
  )
  const open = await Promise.all(
    requests.map(async ({ at, seconds }) => {
      const item = anItem({ user_id: newUser(), created_at: at, deadline: NOW + 9e9 })
      await ports.items.create(item)
      await ports.quota.reserve(reservationOf(item), { requests: 9, tokens: 99, in_flight: 9 }, at)
      return { item, end: at + seconds * SECOND }
    }),
  )
  for (let now = 0; now <= Math.max(...times) + BETWEEN_SWEEPS; now += BETWEEN_SWEEPS) {
    for (const { item, end } of open)
      if (end <= ports.clock()) await ports.quota.close([{ reservation: reservationOf(item) }])
    await sweep({ ...ports, items })
    ports.advance(BETWEEN_SWEEPS * SECOND)
  }
  const announcements = ports.queue.sent(RESULTS_QUEUE).length
  return { looks: looks / requests.length, announcements: announcements / requests.length }
}

it.each([60, 120, 180, 300, 420, 1_000])(
  'the sweeper reads a request that is open for %i seconds, and sends events for it, as often as the bill says',
  async seconds => {
    const { looks, announcements } = await counted([seconds])

    expect(sweepsOf(seconds, seconds).looks).toBeCloseTo(looks)
    expect(sweepsOf(seconds, seconds).announcements).toBeCloseTo(announcements)
  },
)

it('the sweeper reads the requests of a burst, and sends events for them, as often on average as the bill says', async () => {
  const { looks, announcements } = await counted(Array.from({ length: 60 }, (_, i) => 10 + 20 * i))

  expect(sweepsOf(0, 1_200).looks).toBeCloseTo(looks, 1)
  expect(sweepsOf(0, 1_200).announcements).toBeCloseTo(announcements, 1)
})
