import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { replaceState } from '../../../../../functions/core/flow-control/compare-and-swap.ts'
import { createGuard } from '../../../../../functions/core/flow-control/flow-control.ts'
import type { GuardStore } from '../../../../../functions/core/flow-control/port.ts'
import { UNTOUCHED } from '../../../../../functions/core/flow-control/state.ts'
import { NOW } from '../../../../support/clock.ts'
import { ask, permits } from '../../../../support/guards.ts'
import { memoryGuards } from '../../../../support/memory/guards.ts'

/** Time that passes from one sleeper's end to the next. */
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

/** A store that is reached, and answers, in a few milliseconds, and how often it was asked. */
function aDistantStore(sleep: (ms: number) => Promise<void>) {
  const near = memoryGuards()
  const calls = { reads: 0, writes: 0 }
  const far = async <T>(call: () => Promise<T>): Promise<T> => {
    await sleep(4)
    const answer = await call()
    await sleep(4)
    return answer
  }
  const store: GuardStore = {
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

/** Numbers that look like chance, the same ones in each run. */
function chance(): () => number {
  let state = 1
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const LIMIT = { rate_limit: { count: 100_000, interval_ms: 60_000 } }

describe('replacing the state of a model', () => {
  it('takes fewer writes than calls that are asked for, though 50 processes ask for 10 at once', async () => {
    const { clock, sleep, runAll } = aTimeline()
    const { store, calls } = aDistantStore(sleep)
    let nonces = 0
    const ports = { store, clock, sleep, random: chance(), ids: { nonce: () => `n${nonces++}` } }
    const fleet = Array.from({ length: 50 }, () => createGuard(ports, 'text', LIMIT))

    const asked = Promise.all(fleet.map(guard => permits(guard, 10)))
    await runAll()

    expect((await asked).flat().filter(({ granted }) => granted)).toHaveLength(500)
    expect(calls.writes).toBeLessThan(500)
    expect(calls.reads).toBeLessThan(500)
    expect(clock() - NOW).toBeLessThan(5_000)
  })

  it('goes on at once after a first loss, then after pauses that grow, from what is there then', async () => {
    const { store, calls } = aDistantStore(async () => undefined)
    const pauses: number[] = []
    const sleep = async (ms: number) => {
      pauses.push(ms)
    }
    let others = 0
    const busy: GuardStore = {
      read: store.read,
      write: async (model, next) => {
        const version = ((await store.read(model)) ?? UNTOUCHED).version + 1
        await store.write(model, { ...UNTOUCHED, version, writer: `other-${others++}` })
        return store.write(model, next)
      },
    }
    const seen: number[] = []

    const replaced = await replaceState(
      { store: busy, ids: { nonce: () => 'own' }, sleep, random: () => 1 },
      'text',
      UNTOUCHED,
      state => {
        seen.push(state.version)
        return { state: { ...state }, answer: true }
      },
    )

    expect(replaced).toBeUndefined()
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1_000, 1_000, 1_000, 1_000, 1_000])
    expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
    expect(calls.writes).toBe(24)
  })

  it('lets one process that is alone write without a pause', async () => {
    const { clock, sleep, runAll } = aTimeline()
    const { store, calls } = aDistantStore(sleep)
    const guard = createGuard({ store, clock, sleep, random: chance(), ids: { nonce: () => 'n' } }, 'text', LIMIT)

    const asked = guard.permit(ask)
    await runAll()

    expect(await asked).toMatchObject({ granted: true })
    expect(calls).toEqual({ reads: 1, writes: 1 })
    expect(clock() - NOW).toBe(16)
  })
})
