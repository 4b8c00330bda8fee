/** Exceptions of the Data API that pass: it calls them faults of its client, but the database was away, or busy for too long. */
const PASSING = new Set(['DatabaseResumingException', 'DatabaseUnavailableException', 'StatementTimeoutException'])

/**
 * Classes of SQLSTATE that pass: no connection (08), a read-only server during a failover (25006), a deadlock (40), no
 * resources (53), a lock (55), an operator's intervention (57), and an error of the system or of Postgres itself (58, XX).
 */
const PASSING_STATE = /SQLState: (08|40|53|55|57|58|XX)[0-9A-Z]{3}|SQLState: 25006/

/** Postgres itself has answered: the Data API adds the state to its message. */
export const hasSqlState = ({ message }: Error): boolean => /SQLState: [0-9A-Z]{5}/.test(message)

/** Just after its cluster was created, the Data API may say this in a BadRequestException. */
const NO_LINK = 'Communications link failure'

/** Returns whether the same statement may succeed later, by what only the Data API and Postgres say. */
export const isTransientInDatabase = (error: unknown): boolean =>
  error instanceof Error &&
  (PASSING.has(error.name) || PASSING_STATE.test(error.message) || error.message.includes(NO_LINK))
