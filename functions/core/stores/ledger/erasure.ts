import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import * as z from 'zod'
import type { LedgerEnv } from '../../platform/env.ts'
import { userHash } from './sql.ts'
import { jsonOf, millisecondsOf, statementsOf } from './statements.ts'

/**
 * The operations with which an operator deletes a user from the ledger, and the time before which old rows may have been
 * deleted (`deletedBefore`). All methods reject with `Unavailable`.
 */
export interface LedgerErasure {
  /**
   * Marks a user as deleted. After that, events of requests that this user made before the mark write no rows. So a
   * late event does not bring deleted data back.
   */
  mark(userId: string): Promise<void>
  /** Deletes at most `atMost` dead letters of the user's requests. Returns how many it has deleted. */
  deleteLetters(userId: string, atMost: number): Promise<number>
  /** Deletes at most `atMost` rows of the user. Returns how many it has deleted. */
  deleteRows(userId: string, atMost: number): Promise<number>
  /**
   * Returns the ids of dead letters without a request that may belong to the user, sorted: dead letters that contain
   * the user's id, and those whose text is in the payload store. Postgres can't search such a text, so the caller must
   * read it.
   */
  looseLetters(userId: string, after: string | undefined, limit: number): Promise<string[]>
  /**
   * Returns a time in epoch milliseconds. Rows of requests that ended before this time may have been deleted, so it is
   * no error if such a row is missing. Returns undefined as long as all rows are kept.
   */
  deletedBefore(): Promise<number | undefined>
}

/**
 * Marks a user as deleted, and removes marks older than 30 days. A mark is needed as long as a queue may hold an event
 * of the user: for 28 days. Queues keep events for 14 days, and an event that is moved out of a dead-letter queue on its
 * last day is kept for 14 more days.
 */
const MARK = `WITH old AS (DELETE FROM deleted_users WHERE deleted_at < now() - interval '30 days')
INSERT INTO deleted_users (user_hash, deleted_at) VALUES (${userHash(':user')}, now())
ON CONFLICT (user_hash) DO UPDATE SET deleted_at = excluded.deleted_at`

const DELETE_LETTERS = `DELETE FROM dead_letters WHERE id IN (
  SELECT id FROM dead_letters
  WHERE message->>'user_id' = :user OR request_id IN (SELECT request_id FROM requests WHERE user_id = :user)
  ORDER BY id LIMIT :limit)
RETURNING id`

const DELETE_ROWS = `DELETE FROM requests WHERE request_id IN (
  SELECT request_id FROM requests WHERE user_id = :user ORDER BY request_id LIMIT :limit)
RETURNING request_id::text`

const LOOSE = `SELECT id FROM dead_letters
WHERE request_id IS NULL AND id > :after AND (strpos(message::text, :user) > 0 OR message->'body'->>'key' IS NOT NULL)
ORDER BY id LIMIT :limit`

const HORIZON = `SELECT json_build_object('deleted_before', deleted_before)::text FROM ledger_horizon`

const Horizon = z.object({ deleted_before: z.string().transform(millisecondsOf) })

export function rdsDataErasure(client: RDSDataClient, env: LedgerEnv): LedgerErasure {
  const execute = statementsOf(client, env)
  return {
    mark: async user => {
      await execute(MARK, { user })
    },
    deleteLetters: async (user, limit) => (await execute(DELETE_LETTERS, { user, limit })).length,
    deleteRows: async (user, limit) => (await execute(DELETE_ROWS, { user, limit })).length,
    looseLetters: async (user, after = '', limit) =>
      (await execute(LOOSE, { user, after, limit })).flatMap(([id]) => id?.stringValue ?? []),
    deletedBefore: async () => {
      const [record] = await execute(HORIZON, {})
      return record && Horizon.parse(jsonOf(record)).deleted_before
    },
  }
}
