import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import { v7 } from 'uuid'
import { describe, expect, it } from 'vitest'
import { rdsDataErasure } from '../../../functions/core/stores/ledger/erasure.ts'
import type { LedgerRow } from '../../../functions/core/stores/ledger/port.ts'
import { rdsDataRetention } from '../../../functions/core/stores/ledger/retention.ts'
import { aMessage, anItem } from '../../support/requests.ts'
import { aLetter, aRow, as, FAILED, ledgerTools, WHOLE } from './tools.ts'

const DAY_MS = 86_400_000

/** Tests the deletion of old rows, and of the rows of a deleted user. */
export function describeRetention(name: string, client: RDSDataClient): void {
  const { ledger, stored, letters, record } = ledgerTools(client)
  const retention = rdsDataRetention(client, as('retention'))
  const erasure = rdsDataErasure(client, as('operator'))
  const daysAgo = (days: number) => Date.now() - days * DAY_MS
  /** The row of a request that was made `days` days ago and ended a minute later. */
  const rowOf = (days: number, fields: Partial<LedgerRow> = {}): LedgerRow => {
    const createdAt = daysAgo(days)
    const requestId = v7({ msecs: createdAt })
    return aRow({ ...WHOLE, request_id: requestId, created_at: createdAt, completed_at: createdAt + 60_000, ...fields })
  }
  const deleteAll = async (before: number, atMost = 1_000) => {
    let count = 0
    for (let chunk = -1; chunk !== 0; count += chunk) chunk = await retention.deleteEnded(before, atMost)
    return count
  }

  describe(`ledger on ${name}: retention`, () => {
    it('the retention deletes, in chunks, only dead letters and rows of requests that ended before a given time', async () => {
      const old = [100, 101, 102].map(days => rowOf(days, FailedAt(days)))
      const young = rowOf(80)
      const open = rowOf(110, { status: 'queued', completed_at: undefined, result: undefined })
      const ranAgain = rowOf(120, { run: 2, completed_at: daysAgo(1) })
      await ledger.record(old.map(row => ({ row, deadLetter: aLetter(row, { at: row.completed_at ?? 0 }) })))
      await record(young, open, ranAgain)

      expect(await deleteAll(daysAgo(90), 2)).toBe(6)

      for (const row of old) {
        expect(await stored(row.request_id)).toBeUndefined()
        expect(await letters(row.request_id)).toEqual([])
      }
      for (const row of [young, open, ranAgain]) expect(await stored(row.request_id)).toBeDefined()
    })

    it('the retention deletes nothing that is less than 15 days old, even if the given time is later, since queues may have events about such requests for 14 days', async () => {
      const [recent, old] = [rowOf(14), rowOf(16)]
      await record(recent, old)

      await deleteAll(Date.now() + DAY_MS)

      expect(await stored(recent.request_id)).toBeDefined()
      expect(await stored(old.request_id)).toBeUndefined()
    })

    it('the retention stores the latest time before which rows may be deleted', async () => {
      await deleteAll(daysAgo(60))
      await deleteAll(daysAgo(200))

      expect(await erasure.deletedBefore()).toBeGreaterThanOrEqual(daysAgo(60) - 60_000)
    })
  })

  describe(`ledger on ${name}: erasure of a user`, () => {
    const failedOf = (userId: string) => {
      const row = aRow({ ...FAILED, user_id: userId })
      return { row, deadLetter: aLetter(row, { message: aMessage(anItem({ user_id: userId })) }) }
    }

    it('the erasure of a user deletes, in chunks, only the rows and dead letters of this user', async () => {
      const [mine, other] = [[failedOf('gone-1'), failedOf('gone-1'), failedOf('gone-1')], failedOf('gone-10')]
      await ledger.record([...mine, other])

      expect([await erasure.deleteLetters('gone-1', 2), await erasure.deleteLetters('gone-1', 2)]).toEqual([2, 1])
      expect([await erasure.deleteRows('gone-1', 2), await erasure.deleteRows('gone-1', 2)]).toEqual([2, 1])

      expect(await erasure.deleteRows('gone-1', 2)).toBe(0)
      for (const { row } of mine) expect(await stored(row.request_id)).toBeUndefined()
      expect(await stored(other.row.request_id)).toBeDefined()
      expect(await letters(other.row.request_id)).toHaveLength(1)
    })

    it('the ledger ignores an event of the deleted user that comes after the deletion, so no row is made again', async () => {
      const accepted = aRow({ user_id: 'gone-2', created_at: Date.now() - 60_000 })
      const { row, deadLetter } = failedOf('gone-2')
      await erasure.mark('gone-2')

      await record(accepted)
      await ledger.record([{ row, deadLetter }, { row: { ...row, user_id: 'stays' } }])

      expect(await stored(accepted.request_id)).toBeUndefined()
      expect(await letters(row.request_id)).toEqual([])
    })

    it('the ledger records requests that a user with the same id makes after the deletion', async () => {
      await erasure.mark('gone-3')
      const row = aRow({ user_id: 'gone-3', created_at: Date.now() + 60_000 })

      await record(row)

      expect(await stored(row.request_id)).toBeDefined()
    })
  })

  const FailedAt = (days: number) => ({ ...FAILED, result: undefined, completed_at: daysAgo(days) + 60_000 })
}
