import { COLUMNS, FIXED, OUTCOME } from './row.ts'

/**
 * The roles of the database, each with these rights and no others. So a function can't read or change more than it
 * needs. Only the migrator owns the tables.
 */
export const LEDGER_ROLES = {
  collector: [
    `INSERT (${COLUMNS.join(', ')}) ON requests`,
    `UPDATE (${[...OUTCOME, ...FIXED].join(', ')}) ON requests`,
    `SELECT (${['request_id', 'erased_at', ...OUTCOME, ...FIXED].join(', ')}) ON requests`,
    'INSERT (id, request_id, model, priority, reason, attempts, message, at) ON dead_letters',
    'UPDATE (message) ON dead_letters',
    'SELECT (id, message) ON dead_letters',
    'SELECT ON deleted_users',
  ],
  /** The reader erases the prompt and result of a request that its owner deletes, through a function of Postgres that can change nothing else. */
  reader: [
    'SELECT (request_id, run, status, result, result_key) ON requests',
    'EXECUTE ON FUNCTION erase_request(json)',
  ],
  gateway: ['SELECT (request_id, run, status, result, result_key) ON requests'],
  /**
   * The retention deletes rows that are older than pipeline.yaml allows, through a function of Postgres that can delete
   * nothing else.
   */
  retention: ['EXECUTE ON FUNCTION delete_ended(timestamptz, integer)'],
  /** The role of the command line. */
  operator: [
    'SELECT, DELETE ON requests',
    'SELECT, DELETE ON dead_letters',
    'SELECT, INSERT, UPDATE, DELETE ON deleted_users',
    'SELECT ON ledger_horizon',
  ],
} as const satisfies Record<string, readonly string[]>

export type LedgerRole = keyof typeof LEDGER_ROLES

/** The passwords of the roles that a deployment has. */
export type RolePasswords = Partial<Record<LedgerRole, string>>

/**
 * Returns the name of a role in Postgres. The name has a prefix, because a role belongs to a whole database server, and
 * other systems may have roles on the same server.
 */
export const roleName = (role: LedgerRole): string => `sluice_${role}`
