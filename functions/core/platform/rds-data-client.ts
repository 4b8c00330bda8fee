import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { leanClient, leanSettings } from './lean-client.ts'

/** Makes a client of the RDS Data API. Each try waits for at most `ms` milliseconds for a silent database. */
export const rdsData = (ms: number): RDSDataClient => leanClient(new RDSDataClient(leanSettings(ms)), ms)

/**
 * Makes a client that tries each call only once. It is for callers that repeat more than a single call, such as a whole
 * transaction, because a single call that is repeated within a transaction may fail on its own effect.
 */
export const rdsDataOnce = (ms: number): RDSDataClient =>
  leanClient(new RDSDataClient({ ...leanSettings(ms), maxAttempts: 1 }), ms)
