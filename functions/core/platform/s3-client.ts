import { S3Client } from '@aws-sdk/client-s3'
import { clientTimeouts } from './client-timeouts.ts'

/** The gateway sends up to 4 MB. Three tries leave it the time to give its reservation back. */
export const s3 = (): S3Client => new S3Client(clientTimeouts(6_000))
