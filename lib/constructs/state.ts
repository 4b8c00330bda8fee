import { Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { LedgerRole } from '../../functions/core/stores/ledger/roles.ts'
import type { Pipeline } from '../config/schema.ts'
import { LedgerDatabase } from './ledger-database.ts'
import { PayloadStore } from './payload-store.ts'
import { Tables } from './tables.ts'

const ROLES: readonly LedgerRole[] = ['collector', 'reader', 'gateway', 'operator']

/**
 * The stores with all data of a deployment that exists nowhere else. When the stack is deleted, CloudFormation keeps the
 * tables and the bucket, and a snapshot of the database. If a first deployment without protection (`protect` is false)
 * fails, CloudFormation deletes the stores: they are empty, and the next deployment makes new ones and would not use them.
 */
export class State extends Construct {
  readonly tables: Tables
  readonly payloads: PayloadStore
  readonly ledger: LedgerDatabase

  constructor(scope: Construct, id: string, { pipeline, protect }: { pipeline: Pipeline; protect: boolean }) {
    super(scope, id)
    const { retention } = pipeline.observability
    this.tables = new Tables(this, 'Tables', { protect })
    this.payloads = new PayloadStore(this, 'Payloads', { retention: Duration.millis(retention.payloads) })
    const roles = retention.ledger === undefined ? ROLES : [...ROLES, 'retention' as const]
    this.ledger = new LedgerDatabase(this, 'Ledger', { roles, protect })
  }
}
