import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { leanClient, leanSettings } from './lean-client.ts'

/** Makes a client of the RDS Data API. Each try waits for at most `ms` milliseconds for a silent database. */
export const rdsData = (ms: number): RDSDataClient => leanClient(new RDSDataClient(leanSettings(ms)), ms)

/**
 * Makes a client that tries each call only once. It is for callers that themselves repeat a whole transaction. If the
 * client repeated a single call, such as `CREATE TABLE`, the call could fail because its first try had its effect.
 */
export const rdsDataOnce = (ms: number): RDSDataClient =>
  leanClient(new RDSDataClient({ ...leanSettings(ms), maxAttempts: 1 }), ms)
