/**
 * The steps that make the schema. Each step is applied once, in this order. A released step is never changed, because
 * databases that have applied it would not get the change.
 */
export const MIGRATIONS: readonly { readonly id: number; readonly statements: readonly string[] }[] = [
  {
    id: 1,
    statements: [
      `CREATE TABLE requests (
        request_id        uuid PRIMARY KEY,
        user_id           text NOT NULL,
        model             text NOT NULL,
        priority          text NOT NULL,
        prompt            text,
        prompt_key        text,
        estimated_tokens  bigint NOT NULL,
        status            text NOT NULL,
        prompt_tokens     bigint,
        completion_tokens bigint,
        total_tokens      bigint,
        result            json,
        result_key        text,
        error             json,
        metadata          json,
        run               integer NOT NULL,
        attempts          integer NOT NULL,
        quota_window      text NOT NULL,
        created_at        timestamptz NOT NULL,
        started_at        timestamptz,
        completed_at      timestamptz,
        deadline          timestamptz NOT NULL
      )`,
      `COMMENT ON COLUMN requests.prompt_key IS 'where in the payload bucket the body is, when it is too large for a row'`,
      `COMMENT ON COLUMN requests.result_key IS 'where in the payload bucket the result is, when it is too large for a row'`,
      `CREATE INDEX requests_of_user ON requests (user_id, request_id DESC)`,
      `CREATE INDEX requests_of_status ON requests (status, request_id DESC)`,
      `CREATE TABLE dead_letters (
        id         text PRIMARY KEY,
        request_id uuid,
        model      text,
        priority   text,
        reason     text NOT NULL,
        attempts   integer NOT NULL,
        message    json,
        at         timestamptz NOT NULL
      )`,
      `CREATE INDEX dead_letters_of_model ON dead_letters (model, at)`,
    ],
  },
  {
    id: 2,
    statements: [
      `CREATE TABLE deleted_users (
        user_hash  text PRIMARY KEY,
        deleted_at timestamptz NOT NULL
      )`,
      `COMMENT ON TABLE deleted_users IS 'users whose late events record nothing, by the SHA-256 of their ids; a row is needed for as long as queues keep messages'`,
      `CREATE TABLE ledger_horizon (
        single         boolean PRIMARY KEY DEFAULT true CHECK (single),
        deleted_before timestamptz NOT NULL
      )`,
      `COMMENT ON TABLE ledger_horizon IS 'rows of requests that ended before this time may have been deleted by observability.retention'`,
      // Deletes old rows. A request's id begins with the time of its creation, so the oldest rows come first in the
      // primary key. The function never deletes rows younger than 15 days, nor rows of requests that have not ended. So
      // a role that may only call this function can't delete such rows. The limit is 15 days because queues keep
      // messages for 14 days: a late event must still find its row, or it would make the row again.
      `CREATE FUNCTION delete_ended(before timestamptz, at_most integer) RETURNS bigint
      LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
        WITH bound AS (
          SELECT least(before, now() - interval '15 days') AS time
        ), horizon AS (
          INSERT INTO ledger_horizon AS old (deleted_before) SELECT time FROM bound
          ON CONFLICT (single) DO UPDATE SET deleted_before = greatest(old.deleted_before, excluded.deleted_before)
        ), rows AS (
          DELETE FROM requests WHERE request_id IN (
            SELECT request_id FROM requests, bound
            WHERE request_id < (lpad(to_hex(floor(extract(epoch FROM time) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
              AND status <> 'queued' AND coalesce(completed_at, created_at) < time
            ORDER BY request_id LIMIT at_most)
          RETURNING 1
        ), letters AS (
          DELETE FROM dead_letters WHERE id IN (
            SELECT id FROM dead_letters, bound WHERE at < time ORDER BY id LIMIT at_most)
          RETURNING 1
        ), marks AS (
          DELETE FROM deleted_users WHERE deleted_at < now() - interval '30 days'
        )
        SELECT (SELECT count(*) FROM rows) + (SELECT count(*) FROM letters)
      $$`,
      'REVOKE EXECUTE ON FUNCTION delete_ended(timestamptz, integer) FROM PUBLIC',
    ],
  },
  {
    id: 3,
    statements: [
      'ALTER TABLE requests ADD COLUMN cost numeric',
      `COMMENT ON COLUMN requests.cost IS 'what all runs of the request have cost in USD, where its model has a price in pipeline.yaml'`,
      'ALTER TABLE requests ADD COLUMN erased_at timestamptz',
      `COMMENT ON COLUMN requests.erased_at IS 'when the owner deleted the request: from then on, prompt and result stay empty'`,
      // The lock waits for the end of running statements that record events, because one of them may be about to write
      // the message of a dead letter, and this message would stay. Statements that begin later find `erased_at`, and
      // write no message.
      `CREATE FUNCTION erase_request(entry json) RETURNS void
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
      BEGIN
        LOCK TABLE dead_letters IN SHARE ROW EXCLUSIVE MODE;
        UPDATE dead_letters SET message = NULL WHERE request_id = (entry->>'request_id')::uuid;
        INSERT INTO requests AS old (request_id, user_id, model, priority, estimated_tokens, status, run, attempts, quota_window,
          created_at, deadline, erased_at)
        SELECT request_id, user_id, model, priority, estimated_tokens, 'queued', run, 0, quota_window, created_at, deadline, erased_at
        FROM json_to_record(entry) AS e(request_id uuid, user_id text, model text, priority text, estimated_tokens bigint,
          run integer, quota_window text, created_at timestamptz, deadline timestamptz, erased_at timestamptz)
        ON CONFLICT (request_id) DO UPDATE SET prompt = NULL, prompt_key = NULL, result = NULL, result_key = NULL,
          erased_at = coalesce(old.erased_at, excluded.erased_at);
      END $$`,
      'REVOKE EXECUTE ON FUNCTION erase_request(json) FROM PUBLIC',
    ],
  },
]
