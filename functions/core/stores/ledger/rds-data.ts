import { BadRequestException, DatabaseErrorException, type RDSDataClient } from '@aws-sdk/client-rds-data'
import type { Payload } from '../../domain/messages.ts'
import { iso } from '../../platform/clock.ts'
import type { LedgerEnv } from '../../platform/env.ts'
import { parseStored } from '../../platform/json.ts'
import { Defect } from '../../platform/unavailable.ts'
import { merge } from './merge.ts'
import type { DeadLetter, Entry, ErasedItem, Ledger, Recorded } from './port.ts'
import { COMPLETED, ERASE, RECORD, RESULT } from './sql.ts'
import { statementsOf } from './statements.ts'

/** Makes the ledger in Aurora. It uses the RDS Data API, so functions need no open connections and no VPC. */
export function rdsDataLedger(client: RDSDataClient, env: LedgerEnv): Ledger {
  const execute = statementsOf(client, env)

  async function record(entries: readonly Entry[]): Promise<Recorded> {
    if (entries.length === 0) return { refused: [] }
    const { rows, deadLetters } = merge(entries)
    try {
      await execute(RECORD, {
        rows: JSON.stringify(rows),
        dead_letters: JSON.stringify(deadLetters.map(toJsonLetter)),
      })
      return { refused: [] }
    } catch (error) {
      const reason = refusal(error)
      if (!reason) throw error
      if (entries.length === 1) return { refused: entries.map(entry => ({ entry, reason })) }
      // One of the rows makes Postgres refuse the whole statement. So each entry is recorded with its own statement,
      // and only the bad entry is refused.
      const apart = await Promise.all(entries.map(entry => record([entry])))
      return { refused: apart.flatMap(({ refused }) => refused) }
    }
  }

  return {
    record,
    result: async (requestId, run) => {
      const [record] = await execute(RESULT, { request_id: requestId, run })
      return toPayload(record)
    },
    completed: async requestIds => {
      const records = await execute(COMPLETED, { ids: JSON.stringify(requestIds) })
      return new Set(records.flatMap(([id]) => (id?.stringValue === undefined ? [] : [id.stringValue])))
    },
    erase: async (item, now) => {
      await execute(ERASE, { entry: JSON.stringify(toErasedEntry(item, now)) })
    },
  }
}

/**
 * The classes of SQLSTATE that mean that Postgres will never accept a row: data exceptions and violated constraints.
 * Any other error is not caused by the row. So the row's event is delivered again later.
 */
const PERMANENT = /SQLState: (22|23)[0-9A-Z]{3}/

function refusal(error: unknown): string | undefined {
  const cause = error instanceof Defect ? error.cause : undefined
  const isDatabases = cause instanceof BadRequestException || cause instanceof DatabaseErrorException
  return isDatabases ? PERMANENT.exec(cause.message)?.[0] : undefined
}

const toJsonLetter = ({ at, ...letter }: DeadLetter) => ({ ...letter, at: iso(at) })

const toErasedEntry = (item: ErasedItem, now: number) => ({
  request_id: item.request_id,
  user_id: item.user_id,
  model: item.model,
  priority: item.priority,
  estimated_tokens: item.estimate,
  run: item.run,
  quota_window: item.window,
  created_at: iso(item.created_at),
  deadline: iso(item.deadline),
  erased_at: iso(now),
})

function toPayload(record: readonly { stringValue?: string | undefined }[] | undefined): Payload | undefined {
  if (!record) return undefined
  const [result, key] = record
  if (key?.stringValue !== undefined) return { key: key.stringValue }
  return { inline: result?.stringValue === undefined ? null : parseStored(result.stringValue) }
}
