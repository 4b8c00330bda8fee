import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { clientTimeouts } from './client-timeouts.ts'

/** Waits for a silent database for so many milliseconds at each try. */
export const rdsData = (ms: number): RDSDataClient => new RDSDataClient(clientTimeouts(ms))

/** The same, but it makes one try. The caller repeats more than the one call. */
export const rdsDataOnce = (ms: number): RDSDataClient => new RDSDataClient({ ...clientTimeouts(ms), maxAttempts: 1 })
