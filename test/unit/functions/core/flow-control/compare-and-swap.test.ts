import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { compareAndSwap } from '../../../../../functions/core/flow-control/compare-and-swap.ts'
import { createFlowControl } from '../../../../../functions/core/flow-control/flow-control.ts'
import type { ModelStateStore } from '../../../../../functions/core/flow-control/port.ts'
import { UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { NOW } from '../../../../support/clock.ts'
import { ask, permits } from '../../../../support/flow-control.ts'
import { memoryModelStates } from '../../../../support/memory/model-states.ts'

/** A clock for tests: time jumps to the end of the next sleep. So the test does not wait. */
function aTimeline() {
  let now = NOW
  const sleepers: { readonly until: number; readonly wake: () => void }[] = []
  return {
    clock: () => now,
    sleep: (ms: number) => new Promise<void>(wake => sleepers.push({ until: now + Math.ceil(ms), wake })),
    async runAll(): Promise<void> {
      for (await setImmediate(); sleepers.length > 0; await setImmediate()) {
        sleepers.sort((a, b) => b.until - a.until)
        const next = sleepers.pop()
        now = Math.max(now, next?.until ?? 0)
        next?.wake()
      }
    },
  }
}

/** A store whose reads and writes take 8 ms each, and are counted. */
function aDistantStore(sleep: (ms: number) => Promise<void>) {
  const near = memoryModelStates()
  const calls = { reads: 0, writes: 0 }
  const far = async <T>(call: () => Promise<T>): Promise<T> => {
    await sleep(4)
    const answer = await call()
    await sleep(4)
    return answer
  }
  const store: ModelStateStore = {
    read: model => {
      calls.reads++
      return far(() => near.read(model))
    },
    write: (model, next) => {
      calls.writes++
      return far(() => near.write(model, next))
    },
  }
  return { store, calls }
}

/** Numbers that look random and are the same in each run. */
function chance(): () => number {
  let state = 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const LIMIT = { rate_limit: { count: 100_000, interval_ms: 60_000 } }

describe('compareAndSwap', () => {
  it('needs fewer writes than calls to the model, even if 50 processes ask for 10 calls each at the same time', async () => {
    const { clock, sleep, runAll } = aTimeline()
    const { store, calls } = aDistantStore(sleep)
    let nonces = 0
    const ports = { store, clock, sleep, random: chance(), ids: { nonce: () => `n${nonces++}` } }
    const fleet = Array.from({ length: 50 }, () => createFlowControl(ports, 'text', LIMIT))

    const asked = Promise.all(fleet.map(flowControl => permits(flowControl, 10)))
    await runAll()

    expect((await asked).flat().filter(({ granted }) => granted)).toHaveLength(500)
    expect(calls.writes).toBeLessThan(500)
    expect(calls.reads).toBeLessThan(500)
    expect(clock() - NOW).toBeLessThan(5_000)
  })

  it('if other processes always write first, tries again at once, then after growing pauses, each time with the newest state, and gives up after 12 tries', async () => {
    const { store, calls } = aDistantStore(async () => undefined)
    const pauses: number[] = []
    const sleep = async (ms: number) => {
      pauses.push(ms)
    }
    let others = 0
    const busy: ModelStateStore = {
      read: store.read,
      write: async (model, next) => {
        const version = ((await store.read(model)) ?? UNTOUCHED).version + 1
        await store.write(model, { ...UNTOUCHED, version, writer: `other-${others++}` })
        return store.write(model, next)
      },
    }
    const seen: number[] = []

    const swapped = await compareAndSwap(
      { store: busy, ids: { nonce: () => 'own' }, sleep, random: () => 1 },
      'text',
      UNTOUCHED,
      state => {
        seen.push(state.version)
        return { state: { ...state }, answer: true }
      },
    )

    expect(swapped).toBeUndefined()
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000, 1_000])
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(calls.writes).toBe(24)
  })

  it('writes without a pause if only one process writes', async () => {
    const { clock, sleep, runAll } = aTimeline()
    const { store, calls } = aDistantStore(sleep)
    const flowControl = createFlowControl(
      { store, clock, sleep, random: chance(), ids: { nonce: () => 'n' } },
      'text',
      LIMIT,
    )

    const asked = flowControl.permit(ask)
    await runAll()

    expect(await asked).toMatchObject({ granted: true })
    expect(calls).toEqual({ reads: 1, writes: 1 })
    expect(clock() - NOW).toBe(16)
  })
})
