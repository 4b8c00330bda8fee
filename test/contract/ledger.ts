import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import { afterAll, beforeAll } from 'vitest'
import { migrate } from '../../functions/core/stores/ledger/migrate.ts'
import { setRoles } from '../../functions/core/stores/ledger/set-roles.ts'
import { deferred } from '../support/deferred.ts'
import { describeMigrations } from './ledger/migrate.ts'
import { describeReading } from './ledger/read.ts'
import { describeRecording } from './ledger/record.ts'
import { describeRetention } from './ledger/retention.ts'
import { describeRoles } from './ledger/roles.ts'
import { ENV, PASSWORDS } from './ledger/tools.ts'

export interface LedgerEngine {
  /** A client of the RDS Data API for an empty database. */
  readonly client: RDSDataClient
  /** Called once the migrations have created the database roles. */
  whenRolesAreSet(): Promise<void>
  close(): Promise<void>
}

/** Checks the ledger on a Postgres. Each statement runs with the rights of the role that runs it on AWS. */
export function describeLedgerContract(name: string, makeEngine: () => Promise<LedgerEngine>): void {
  let engine: LedgerEngine
  let applied: number[][]
  beforeAll(async () => {
    engine = await makeEngine()
    applied = await Promise.all([migrate(engine.client, ENV), migrate(engine.client, ENV)])
    await setRoles(engine.client, ENV, PASSWORDS)
    await engine.whenRolesAreSet()
  })
  afterAll(() => engine?.close())

  const client = deferred(() => engine.client)
  describeMigrations(name, client, () => applied)
  describeRecording(name, client)
  describeReading(name, client)
  describeRoles(name, client)
  describeRetention(name, client)
}
