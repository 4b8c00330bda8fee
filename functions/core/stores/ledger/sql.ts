import { COLUMNS, FIXED, OUTCOME } from './row.ts'

const ADVANCES = `(excluded.run > old.run OR (excluded.run = old.run AND old.status = 'queued' AND excluded.status <> 'queued'))`
const SAME_STEP = '(excluded.run = old.run AND excluded.status = old.status)'

/** The columns that stay empty after a client has deleted (erased) its request, whatever events come later. */
const ERASED: readonly string[] = ['prompt', 'prompt_key', 'result', 'result_key']
const unlessErased = (column: string, value: string) =>
  ERASED.includes(column) ? `CASE WHEN old.erased_at IS NULL THEN ${value} END` : value

const outcomeOf = (column: string) =>
  `CASE WHEN ${ADVANCES} THEN excluded.${column} WHEN ${SAME_STEP} THEN coalesce(old.${column}, excluded.${column}) ELSE old.${column} END`
const outcome = (column: string) => `${column} = ${unlessErased(column, outcomeOf(column))}`
const fixed = (column: string) => `${column} = ${unlessErased(column, `coalesce(old.${column}, excluded.${column})`)}`

const LETTER_OF_ERASED =
  'EXISTS (SELECT 1 FROM requests AS q WHERE q.request_id = l.request_id AND q.erased_at IS NOT NULL)'

/**
 * Returns the SQL of the hash of a user's id. For a deleted user, this hash is stored instead of the id. The hash is
 * enough to recognize late events of this user, and the id itself is not kept.
 */
export function userHash(value: string): string {
  return `encode(sha256(convert_to(${value}, 'UTF8')), 'hex')`
}

/**
 * Records any number of rows and dead letters in one statement. `:rows` and `:dead_letters` are JSON arrays, because
 * the Data API takes no arrays. Each row appears once, because `ON CONFLICT` refuses a row that appears twice. The rows
 * are ordered by id, so that two simultaneous statements lock them in the same order and can't deadlock. `result` has
 * the type `json`, because `jsonb` would write 1e300 with 301 digits. The first event about a dead letter may not have
 * its message, so a later event adds the message. Events of a deleted user record nothing. Otherwise an event that was
 * in a queue during the deletion would restore data of this user (docs/adr/0023).
 */
export const RECORD = `
WITH erased AS (
  SELECT request_id
  FROM json_to_recordset(:rows::json) AS r(request_id uuid, user_id text, created_at timestamptz)
  JOIN deleted_users ON user_hash = ${userHash('r.user_id')} AND r.created_at <= deleted_at
), letters AS (
  INSERT INTO dead_letters AS old (id, request_id, model, priority, reason, attempts, message, at)
  SELECT id, request_id, model, priority, reason, attempts, CASE WHEN NOT ${LETTER_OF_ERASED} THEN message END, at
  FROM json_to_recordset(:dead_letters::json) AS l(
    id text, request_id uuid, model text, priority text, reason text, attempts integer, message json, at timestamptz)
  WHERE NOT EXISTS (SELECT 1 FROM erased WHERE erased.request_id = l.request_id)
  ORDER BY id
  ON CONFLICT (id) DO UPDATE SET message = excluded.message WHERE old.message IS NULL
)
INSERT INTO requests AS old (${COLUMNS.join(', ')})
SELECT ${COLUMNS.join(', ')}
FROM json_to_recordset(:rows::json) AS r(
  request_id uuid, user_id text, model text, priority text, prompt text, prompt_key text, estimated_tokens bigint, status text,
  prompt_tokens bigint, completion_tokens bigint, total_tokens bigint, cost numeric, result json, result_key text, error json, metadata json,
  run integer, attempts integer, quota_window text, created_at timestamptz, started_at timestamptz, completed_at timestamptz,
  deadline timestamptz)
WHERE NOT EXISTS (SELECT 1 FROM erased WHERE erased.request_id = r.request_id)
ORDER BY request_id
ON CONFLICT (request_id) DO UPDATE SET
  ${[...OUTCOME.map(outcome), ...FIXED.map(fixed)].join(',\n  ')}`

/** Reads a result without the prompt, because a row with both may be over the 64 KB that the Data API returns. */
export const RESULT = `SELECT result::text, result_key FROM requests WHERE request_id = :request_id::uuid AND run = :run AND status = 'completed'`

/** Returns the ids of those requests among `:ids` (a JSON array) that are completed. */
export const COMPLETED = `SELECT request_id::text FROM requests
WHERE status = 'completed' AND request_id IN (SELECT value::uuid FROM json_array_elements_text(:ids::json) AS value)`

/**
 * Erases a request. `:entry` has the columns that a row must have: the erasure may come before any event of the
 * request, and then it makes the row.
 */
export const ERASE = 'SELECT erase_request(:entry::json)'
