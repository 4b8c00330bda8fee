/**
 * Transient exceptions of the Data API. The Data API marks them as errors of the caller. But the reason is that the
 * database could not be reached, or was busy for too long. So the same call may succeed later.
 */
const PASSING = new Set(['DatabaseResumingException', 'DatabaseUnavailableException', 'StatementTimeoutException'])

/**
 * The classes of SQLSTATE that are transient: no connection (08), a read-only server during a failover (25006), a
 * deadlock (40), no resources (53), a lock (55), an operator's intervention (57), and an error of the system or of
 * Postgres itself (58, XX).
 */
const PASSING_STATE = /SQLState: (08|40|53|55|57|58|XX)[0-9A-Z]{3}|SQLState: 25006/

/**
 * Returns whether an error comes from Postgres itself and not from the Data API. For an error of Postgres, the Data API
 * adds the SQLSTATE to the message.
 */
export const hasSqlState = ({ message }: Error): boolean => /SQLState: [0-9A-Z]{5}/.test(message)

/**
 * The text of a BadRequestException that the Data API gives just after the database cluster was created. The same call
 * succeeds a moment later.
 */
const NO_LINK = 'Communications link failure'

/**
 * Returns whether the same statement may succeed later. It recognizes only errors that are special to the Data API and
 * Postgres. `isTransient` recognizes those of all AWS services, such as a failed network.
 */
export const isTransientInDatabase = (error: unknown): boolean =>
  error instanceof Error &&
  (PASSING.has(error.name) || PASSING_STATE.test(error.message) || error.message.includes(NO_LINK))
