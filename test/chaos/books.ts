import { expect, vi } from 'vitest'
import { isTerminal, type RequestItem } from '../../functions/core/domain/item.ts'
import type { Admin } from '../../lib/cli/admin.ts'
import { reconcile } from '../../lib/cli/operations/reconcile/stores.ts'
import { type Accepted, TOKENS } from './load.ts'

/** The bound that docs/guarantees.md states for whatever a crash leaves, in milliseconds. */
const BOUND_MS = 300_000

/** All that was accepted comes to its end within the bound; then reconcile finds no difference to the last token. */
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
    // A success costs what the model reported, a failure after a call nothing but the request.
    expect(item?.charge).toBe(item?.status === 'completed' ? TOKENS : 0)
  }
}

async function itemsOf({ items }: Admin, accepted: Accepted): Promise<(RequestItem | undefined)[]> {
  const pairs = [...accepted].flatMap(([user, ids]) => ids.map(id => [user, id] as const))
  return Promise.all(pairs.map(([user, id]) => items.get(user, id)))
}
