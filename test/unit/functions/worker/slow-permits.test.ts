import { describe, expect, it } from 'vitest'
import { createFlowControl } from '../../../../functions/core/flow-control/flow-control.ts'
import type { RateLimit } from '../../../../functions/core/flow-control/policies.ts'
import type { ModelStateStore } from '../../../../functions/core/flow-control/port.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { aMessage, anItem } from '../../../support/requests.ts'
import { aWorker, SUCCESS } from '../../../support/worker.ts'

interface Slowness {
  /** The duration of each write of the model’s item, in milliseconds. */
  readonly write?: number
  /** The duration of each claim, in milliseconds. */
  readonly claim?: number
}

/** A worker with slow writes and claims. `turns` gives the number of slots (times for a call) that it got. */
function aSlowWorker(rateLimit: RateLimit, { write = 0, claim = 0 }: Slowness) {
  const worker = aWorker(SUCCESS, { rate_limit: rateLimit })
  const { ports, modelStates } = worker
  let writes = 0
  const store: ModelStateStore = {
    ...modelStates,
    write: async (model, next) => {
      writes++
      const stored = await modelStates.write(model, next)
      ports.advance(write)
      return stored
    },
  }
  const flowControl = createFlowControl({ ...ports, store }, 'text', { rate_limit: rateLimit })
  let turns = 0
  const using: WorkerPorts = {
    ...ports,
    flowControl: {
      ...flowControl,
      permit: async ask => {
        const permit = await flowControl.permit(ask)
        if (permit.granted && permit.at !== ask.slot) turns++
        return permit
      },
    },
    items: {
      ...ports.items,
      claim: async (message, terms) => {
        ports.advance(claim)
        return ports.items.claim(message, terms)
      },
    },
  }
  const run = async () => worker.invoke([aMessage(await ports.items.create(anItem()))], using)
  return { ...worker, run, turns: () => turns, writes: () => writes }
}

describe('a worker: the slots of a rate limit while each step is slow', () => {
  it.each([
    { limit: { count: 1_000, interval_ms: 1_000 }, slowness: { write: 100 } },
    { limit: { count: 1_000, interval_ms: 1_000 }, slowness: { write: 1_000 } },
    { limit: { count: 1_000, interval_ms: 2_000 }, slowness: { claim: 200 } },
    { limit: { count: 1_000, interval_ms: 2_000 }, slowness: { write: 200, claim: 800 } },
  ])(
    'are given so far ahead after a few calls that the worker hardly misses a slot: $slowness',
    async ({ limit, slowness }) => {
      const { run, asked, turns } = aSlowWorker(limit, slowness)

      for (let i = 0; i < 100; i++) await run()

      expect(asked.length).toBeGreaterThanOrEqual(98)
      expect(turns() - asked.length).toBeLessThan(15)
    },
  )

  it('a worker asks for a slot at most three times for a request that always misses it, and then defers the request without a call', async () => {
    const { run, asked, deferred, writes } = aSlowWorker({ count: 1_000, interval_ms: 1_000 }, { write: 4_000 })

    await run()

    expect(asked).toEqual([])
    expect(deferred()).toMatchObject([{ delay_seconds: 1, body: { hints: { has_waited: true } } }])
    expect(writes()).toBe(3)
  })
})
