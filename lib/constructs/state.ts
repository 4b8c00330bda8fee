import { Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { LedgerRole } from '../../functions/core/stores/ledger/roles.ts'
import type { Pipeline } from '../config/schema.ts'
import { LedgerDatabase } from './ledger-database.ts'
import { PayloadStore } from './payload-store.ts'
import { Tables } from './tables.ts'

const ROLES: readonly LedgerRole[] = ['collector', 'reader', 'gateway', 'operator']

/**
 * All stores of data that exists nowhere else. They are kept when the stack is deleted. They are not kept after a
 * failed first deployment, because they are empty then, and the next deployment must not find them.
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
