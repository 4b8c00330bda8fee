import { ExecuteStatementCommand, type Field, type RDSDataClient } from '@aws-sdk/client-rds-data'
import type { LedgerEnv } from '../../platform/env.ts'
import { parseStored } from '../../platform/json.ts'
import { reaching } from '../../platform/unavailable.ts'
import { isTransientInDatabase } from './transient.ts'

/** Runs one statement with named parameters and returns its records. Rejects with `Unavailable` or `Defect`. */
export type Execute = (sql: string, parameters: Record<string, string | number>) => Promise<Field[][]>

export const statementsOf =
  (client: RDSDataClient, env: LedgerEnv): Execute =>
  (sql, parameters) =>
    reaching(
      'the ledger',
      async () => {
        const { records = [] } = await client.send(
          new ExecuteStatementCommand({
            resourceArn: env.LEDGER_CLUSTER_ARN,
            secretArn: env.LEDGER_SECRET_ARN,
            database: env.LEDGER_DATABASE,
            sql,
            parameters: Object.entries(parameters).map(([name, value]) => ({
              name,
              value: typeof value === 'number' ? { longValue: value } : { stringValue: value },
            })),
          }),
        )
        return records
      },
      isTransientInDatabase,
    )

/**
 * Returns the SQL that selects a row as one JSON text. With the Data API's own fields, the code would need one case per
 * type, and a time would lose its time zone.
 */
export const rowAsJson = (columns: readonly string[]): string =>
  `json_build_object(${columns.map(column => `'${column}', ${column}`).join(', ')})::text`

/** Reads the JSON value in a record of a statement with `rowAsJson`. */
export const jsonOf = ([field]: readonly Field[]): unknown => parseStored(field?.stringValue ?? 'null')

/** Converts a time in a row of `rowAsJson` to epoch milliseconds. */
export const millisecondsOf = (text: string): number => Date.parse(text)
