/** The schema, as steps that are applied once each, in order. A step that has landed is never edited. */
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
]
