import { describe, expect, it } from 'vitest'
import { type RequestItem, reservationOf } from '../../../functions/core/domain/item.ts'
import type { RequestItems } from '../../../functions/core/stores/requests/port.ts'
import { NOW } from '../../support/clock.ts'
import { itemsTools, statesBut, USAGE } from './tools.ts'

/** Tests how a failed request starts a new run (rule 8). */
export function describeRedrives(name: string, items: RequestItems): void {
  const { given, stored } = itemsTools(items)

  describe(`items on ${name}: redrive and retireRunNumber`, () => {
    const failed = {
      status: 'failed',
      attempt: 3,
      crashes: 1,
      started_at: NOW,
      completed_at: NOW,
      usage: USAGE,
      charge: 7,
      error: { code: 'model_error', message: 'm' },
    } as const
    const nextOf = (item: RequestItem, run = item.next_run) => ({
      reservation: {
        ...reservationOf(item),
        run,
        window: '2026-11-24',
        shard: 1,
        nonce: 'again',
        holds_request: false,
      },
      deadline: NOW + 9_000_000,
    })

    it('a redrive begins a new run that keeps the charge of the earlier run, but not its usage, error and times', async () => {
      const item = await given(failed)

      const queued = await items.redrive(item, nextOf(item))

      const { usage: _u, charge: _c, error: _e, started_at: _s, completed_at: _d, ...rest } = item
      expect(queued).toEqual({
        ...rest,
        ...nextOf(item).reservation,
        deadline: NOW + 9_000_000,
        status: 'queued',
        next_run: 3,
        attempt: 0,
        crashes: 0,
        earlier: [{ window: item.window, shard: item.shard, tokens: 7, request: true }],
      })
      expect(await items.redrive(item, nextOf(item))).toEqual(queued)
    })

    it('two redrives of a request at the same time begin only one new run', async () => {
      const item = await given(failed)
      const rivals = ['a', 'b'].map(nonce => ({
        ...nextOf(item),
        reservation: { ...nextOf(item).reservation, nonce },
      }))

      const answers = await Promise.all(rivals.map(rival => items.redrive(item, rival)))

      expect(answers.filter(Boolean)).toHaveLength(1)
    })

    it.each(statesBut('failed'))('redrive does not change an item that is $state', async ({ item: fields }) => {
      const item = await given(fields)

      expect(await items.redrive(item, nextOf(item))).toBeUndefined()
      expect(await stored(item)).toEqual(item)
    })

    it('a redrive never begins a run with a retired number, i.e. one that is marked as used', async () => {
      const item = await given(failed)

      expect(await items.retireRunNumber(item, 2)).toBe(true)
      expect(await items.retireRunNumber(item, 2)).toBe(true)

      expect(await items.redrive(item, nextOf(item, 2))).toBeUndefined()
      expect(await items.redrive(item, nextOf(item, 3))).toMatchObject({ run: 3, next_run: 4 })
    })

    it('retireRunNumber does not retire the number of a run that has begun', async () => {
      const item = await given(failed)
      await items.redrive(item, nextOf(item))

      expect(await items.retireRunNumber(item, 2)).toBe(false)
      expect(await stored(item)).toMatchObject({ status: 'queued', run: 2 })
    })
  })
}
