import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { clientTimeouts } from './client-timeouts.ts'
import { connected } from './connected.ts'

/** Waits for a silent database for so many milliseconds at each try. */
export const rdsData = (ms: number): RDSDataClient => connected(new RDSDataClient(clientTimeouts(ms)), ms)

/** The same, but it makes one try. The caller repeats more than the one call. */
export const rdsDataOnce = (ms: number): RDSDataClient =>
  connected(new RDSDataClient({ ...clientTimeouts(ms), maxAttempts: 1 }), ms)
