import { Construct } from 'constructs'
import { LedgerDatabase } from './ledger-database.ts'
import { PayloadStore } from './payload-store.ts'
import { Tables } from './tables.ts'

/** All that holds data which is nowhere else: what is in here is kept when the stack is deleted. */
export class State extends Construct {
  readonly tables = new Tables(this, 'Tables')
  readonly payloads = new PayloadStore(this, 'Payloads')
  readonly ledger = new LedgerDatabase(this, 'Ledger')
}
