import type {
  BeginTransactionResponse,
  ColumnMetadata,
  CommitTransactionResponse,
  ExecuteStatementResponse,
  RollbackTransactionResponse,
} from '@aws-sdk/client-rds-data'
import type { Database, SqlResult, SqlValue } from './database.ts'
import { badRequest } from './errors.ts'
import { fieldOf, plainOf, type WireField } from './fields.ts'
import { bind } from './parameters.ts'
import { BeginTransaction, EndTransaction, ExecuteStatement, parseRequest } from './request.ts'
import type { ActAs } from './roles.ts'
import { openTransactions } from './transactions.ts'
import { openTypeCatalogue, type PgType } from './types.ts'

const MAX_RESPONSE_BYTES = 1024 * 1024
const MAX_ROW_BYTES = 64 * 1024

type OnTheWire<Response extends { records?: unknown }> = Omit<Response, 'records'> & { records?: WireField[][] }

export interface Operations {
  /** The operations by the paths of their calls. An operation takes the body of a call, and resolves with the body of the answer. */
  byPath: Record<string, (body: unknown) => Promise<object>>
  close(): Promise<void>
}

/** Makes the operations of the RDS Data API for a database. */
export function dataApiOperations(database: Database, actAs?: ActAs): Operations {
  const transactions = openTransactions(database, actAs)
  const typesOf = openTypeCatalogue()

  async function execute(body: unknown): Promise<OnTheWire<ExecuteStatementResponse>> {
    const request = parseRequest(ExecuteStatement, body)
    const statement = bind(request.sql, request.parameters)
    return transactions.use(request.transactionId, request.secretArn, async connection => {
      const result = await connection.query(statement.sql, statement.values)
      refuseLarge(result.rows)
      const typeIds = result.columns.map(column => column.typeId)
      const typeOf = await typesOf(connection, typeIds)
      return answer(request, result, typeIds.map(typeOf))
    })
  }

  async function begin(body: unknown): Promise<BeginTransactionResponse> {
    const { secretArn } = parseRequest(BeginTransaction, body)
    return { transactionId: await transactions.begin(secretArn) }
  }

  async function commit(body: unknown): Promise<CommitTransactionResponse> {
    await transactions.end(parseRequest(EndTransaction, body).transactionId, 'COMMIT')
    return { transactionStatus: 'Transaction Committed' }
  }

  async function rollback(body: unknown): Promise<RollbackTransactionResponse> {
    await transactions.end(parseRequest(EndTransaction, body).transactionId, 'ROLLBACK')
    return { transactionStatus: 'Rollback Complete' }
  }

  return {
    byPath: {
      '/Execute': execute,
      '/BeginTransaction': begin,
      '/CommitTransaction': commit,
      '/RollbackTransaction': rollback,
    },
    close: transactions.close,
  }
}

function answer(request: ExecuteStatement, { columns, rows, affected }: SqlResult, types: PgType[]) {
  const metadata = columns.map(({ name }, index) => metadataOf(name, types[index]))
  const outcome = {
    numberOfRecordsUpdated: affected,
    ...(request.includeResultMetadata && { columnMetadata: metadata }),
  } satisfies ExecuteStatementResponse
  if (columns.length === 0) return { ...outcome, generatedFields: [] } satisfies ExecuteStatementResponse

  const records = rows.map(row =>
    types.map((type, index) => fieldOf(row[index] ?? null, type, request.resultSetOptions)),
  )
  if (request.formatRecordsAs === 'NONE') return { ...outcome, records }
  const objects = records.map(record =>
    Object.fromEntries(record.map((field, index) => [columns[index]?.name ?? '', plainOf(field)])),
  )
  return { ...outcome, formattedRecords: JSON.stringify(objects) } satisfies ExecuteStatementResponse
}

function metadataOf(name: string, type: PgType | undefined): ColumnMetadata {
  return { name, label: name, typeName: type?.name }
}

function refuseLarge(rows: SqlValue[][]): void {
  let total = 0
  for (const row of rows) {
    const size = row.reduce((sum, value) => sum + (value === null ? 0 : Buffer.byteLength(value)), 0)
    total += size
    if (size > MAX_ROW_BYTES || total > MAX_RESPONSE_BYTES)
      throw badRequest('Database returned more than the allowed response size limit')
  }
}
