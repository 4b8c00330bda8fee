import { expect, vi } from 'vitest'
import { isTerminal, type RequestItem } from '../../functions/core/domain/item.ts'
import type { Admin } from '../../lib/cli/admin.ts'
import { reconcile } from '../../lib/cli/operations/reconcile/stores.ts'
import { type Accepted, TOKENS } from './load.ts'

/** After a crash, each accepted request must end within this time, in milliseconds. docs/guarantees.md states this bound. */
const BOUND_MS = 300_000

/** Expects that each accepted request ends within the bound, that `sluice reconcile` then finds no difference, and that each charge is right. */
export async function expectOrderInTheEnd(admin: Admin, accepted: Accepted): Promise<void> {
  await vi.waitFor(
    async () => {
      const items = await itemsOf(admin, accepted)
      expect(items.filter(item => !item || !isTerminal(item.status))).toEqual([])
      expect(items.every(item => item?.status === 'completed' || item?.status === 'failed')).toBe(true)
      const { differences } = await reconcile(admin)
      expect(differences).toEqual([])
    },
    { timeout: BOUND_MS, interval: 3_000 },
  )
  const items = await itemsOf(admin, accepted)
  for (const item of items) {
    // A completed request is charged the tokens that the model reported. A failed request is charged no tokens.
    expect(item?.charge).toBe(item?.status === 'completed' ? TOKENS : 0)
  }
}

async function itemsOf({ items }: Admin, accepted: Accepted): Promise<(RequestItem | undefined)[]> {
  const pairs = [...accepted].flatMap(([user, ids]) => ids.map(id => [user, id] as const))
  return Promise.all(pairs.map(([user, id]) => items.get(user, id)))
}
