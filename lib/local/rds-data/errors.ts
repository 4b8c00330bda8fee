import { messageOf } from '../error.ts'
import { SqlError } from './database.ts'

/** An error in the form of the Data API. From its name, the SDK of the caller makes the exception of the same name. */
export class DataApiError extends Error {
  override readonly name: string
  readonly status: number

  constructor(name: string, message: string, status = 400) {
    super(message)
    this.name = name
    this.status = status
  }
}

export function badRequest(message: string): DataApiError {
  return new DataApiError('BadRequestException', message)
}

/** Converts any error to an error of the Data API. The message of a Postgres error ends with its SQLState. */
export function toDataApiError(error: unknown): DataApiError {
  if (error instanceof DataApiError) return error
  if (!(error instanceof SqlError)) return new DataApiError('InternalServerErrorException', messageOf(error), 500)
  if (error.sqlState === QUERY_CANCELED) return new DataApiError('StatementTimeoutException', 'Request timed out')
  const position = error.position === undefined ? '' : `; Position: ${error.position}`
  return new DataApiError('DatabaseErrorException', `ERROR: ${error.message}${position}; SQLState: ${error.sqlState}`)
}

const QUERY_CANCELED = '57014'
