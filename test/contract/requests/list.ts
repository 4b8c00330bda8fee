import { v7 } from 'uuid'
import { describe, expect, it } from 'vitest'
import type { RequestItem } from '../../../functions/core/domain/item.ts'
import type { RequestItems } from '../../../functions/core/stores/requests/port.ts'
import { NOW } from '../../support/clock.ts'
import { newUser } from '../../support/requests.ts'
import { itemsTools } from './tools.ts'

/** Tests the list of a user's items. */
export function describeListing(name: string, items: RequestItems): void {
  const { given } = itemsTools(items)

  describe(`items on ${name}: list`, () => {
    it('list returns only the items of the user, newest first, page by page', async () => {
      const userId = newUser()
      const created: RequestItem[] = []
      for (let i = 0; i < 5; i++) created.push(await given({ user_id: userId, request_id: v7({ msecs: NOW + i }) }))
      await given({ user_id: newUser() })

      const first = await items.list(userId, 3)
      const rest = await items.list(userId, 3, first.last)

      expect([...first.items, ...rest.items]).toEqual(created.reverse())
      expect(first.items).toHaveLength(3)
      expect(rest.last).toBeUndefined()
    })

    it('list returns nothing for a user without items', async () => {
      expect(await items.list(newUser(), 3)).toEqual({ items: [], last: undefined })
    })
  })
}
