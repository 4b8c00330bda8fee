import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import { afterAll, beforeAll } from 'vitest'
import { migrate } from '../../functions/ledger/migrate.ts'
import { deferred } from '../support/deferred.ts'
import { describeMigrations } from './ledger/migrate.ts'
import { describeReading } from './ledger/read.ts'
import { describeRecording } from './ledger/record.ts'
import { ENV } from './ledger/tools.ts'

export interface LedgerEngine {
  /** The RDS Data API of an empty database. */
  readonly client: RDSDataClient
  close(): Promise<void>
}

/** What every ledger keeps, whichever Postgres it is on. */
export function describeLedgerContract(name: string, makeEngine: () => Promise<LedgerEngine>): void {
  let engine: LedgerEngine
  let applied: number[][]
  beforeAll(async () => {
    engine = await makeEngine()
    applied = await Promise.all([migrate(engine.client, ENV), migrate(engine.client, ENV)])
  })
  afterAll(() => engine?.close())

  const client = deferred(() => engine.client)
  describeMigrations(name, client, () => applied)
  describeRecording(name, client)
  describeReading(name, client)
}
