import { describe, expect, it } from 'vitest'
import { RequestItem } from '../../../../functions/core/domain/item.ts'
import { NOW } from '../../../support/clock.ts'
import { aRetry, failure } from '../../../support/failures.ts'
import { anItem } from '../../../support/requests.ts'
import { aWorker } from '../../../support/worker.ts'

const retry = aRetry()
const circuit = (openMs: number) => ({ failures: 1, within_ms: 60_000, open_ms: openMs })

/** A worker whose model always fails. `delayOf` gives the delay of a request’s last message, in seconds. */
function aFailingWorker(openMs: number) {
  const worker = aWorker(failure({ status: 500 }), { retry, circuit: circuit(openMs) })
  const delayOf = ({ request_id }: RequestItem) =>
    worker.deferred().findLast(({ body }) => (body as RequestItem).request_id === request_id)?.delay_seconds ?? 0
  return { ...worker, delayOf }
}

describe('a worker: a request whose call has failed, while the circuit is open', () => {
  it.for([1_000, 1_001, 2_000, 30_000])(
    'is redelivered after all deferred requests, so another request makes the next probe, i.e. test call (circuit open for %i ms)',
    async openMs => {
      const { ports, run, delayOf, asked } = aFailingWorker(openMs)
      const [tried, other] = [await ports.items.create(anItem()), await ports.items.create(anItem())]
      await run(tried)

      await run(other, { ...ports, random: () => 0.999 })

      expect(asked).toHaveLength(1)
      expect(delayOf(other)).toBeGreaterThanOrEqual(openMs / 1_000)
      expect(delayOf(tried)).toBeGreaterThan(delayOf(other))
      const { not_before } = RequestItem.parse(await ports.items.get(tried.user_id, tried.request_id))
      expect(not_before).toBeGreaterThanOrEqual(NOW + openMs)
    },
  )

  it('a request whose call has failed is redelivered at the end of its backoff, if the circuit may close earlier', async () => {
    const { ports, run, delayOf } = aFailingWorker(1_000)
    const item = await ports.items.create(anItem({ attempt: 3 }))

    await run(item)

    // The backoff after the fourth attempt is between 1 s and 16 s, at random. Here, the random number is a half.
    expect(delayOf(item)).toBe(9)
  })
})
