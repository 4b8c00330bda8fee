/**
 * Transient exceptions of the Data API. It calls them faults of its client, but the database could not be reached, or
 * was busy for too long.
 */
const PASSING = new Set(['DatabaseResumingException', 'DatabaseUnavailableException', 'StatementTimeoutException'])

/**
 * Transient classes of SQLSTATE: no connection (08), a read-only server during a failover (25006), a deadlock (40), no
 * resources (53), a lock (55), an operator's intervention (57), and an error of the system or of Postgres itself (58,
 * XX).
 */
const PASSING_STATE = /SQLState: (08|40|53|55|57|58|XX)[0-9A-Z]{3}|SQLState: 25006/

/** Returns whether Postgres itself has answered. Then the Data API adds the state to its message. */
export const hasSqlState = ({ message }: Error): boolean => /SQLState: [0-9A-Z]{5}/.test(message)

/** The text of a BadRequestException of the Data API just after its cluster was created. */
const NO_LINK = 'Communications link failure'

/**
 * Returns whether the same statement may succeed later, according to errors that only the Data API and Postgres have.
 */
export const isTransientInDatabase = (error: unknown): boolean =>
  error instanceof Error &&
  (PASSING.has(error.name) || PASSING_STATE.test(error.message) || error.message.includes(NO_LINK))
