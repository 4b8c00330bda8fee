import { S3Client } from '@aws-sdk/client-s3'
import { clientTimeouts } from './client-timeouts.ts'

/**
 * Makes a client of S3. The gateway stores bodies of up to 4 MB. If three tries with this timeout fail, the gateway
 * still has enough time to release its reservation.
 */
export const s3 = (): S3Client => new S3Client(clientTimeouts(6_000))
