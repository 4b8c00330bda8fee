import { Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { LedgerRole } from '../../functions/core/stores/ledger/roles.ts'
import type { Pipeline } from '../config/schema.ts'
import { LedgerDatabase } from './ledger-database.ts'
import { PayloadStore } from './payload-store.ts'
import { Tables } from './tables.ts'

const ROLES: readonly LedgerRole[] = ['collector', 'reader', 'gateway', 'operator']

/**
 * Everything that stores data which exists nowhere else. It is kept when the stack is deleted, except after a first deployment that
 * failed: what that has created is empty, and the next one must not find it.
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
