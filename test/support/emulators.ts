import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { S3Client } from '@aws-sdk/client-s3'
import { SQSClient } from '@aws-sdk/client-sqs'
import { startEmulator } from '../../lib/local/emulators/host.ts'
import type { RdsDataData } from '../../lib/local/emulators/rds-data.ts'
import { credentialsOf } from '../../lib/local/trust/access-key.ts'

/** The access key id that all emulators of tests require. */
export const ACCESS_KEY_ID = 'test'
const credentials = credentialsOf(ACCESS_KEY_ID)
const REGION = 'us-east-1'

const start = (module: string, data: object) =>
  startEmulator(
    new URL(`../../lib/local/emulators/${module}.ts`, import.meta.url),
    { accessKeyId: ACCESS_KEY_ID, ...data },
    line => {
      throw new Error(line)
    },
  )

/** Starts the SQS and the S3 of the local system in memory. */
export async function startSqsAndS3(): Promise<{ sqs: SQSClient; s3: S3Client; close: () => Promise<void> }> {
  const emulator = start('sqs-s3', {})
  const endpoint = await emulator.endpoint
  const sqs = new SQSClient({ endpoint, region: REGION, credentials })
  const s3 = new S3Client({ endpoint, region: REGION, credentials, forcePathStyle: true })
  const close = async () => {
    sqs.destroy()
    s3.destroy()
    await emulator.close()
  }
  return { sqs, s3, close }
}

/** Starts the RDS Data API of the local system, with an embedded Postgres in memory or with the Postgres at `data.url`. */
export async function startRdsData(
  data: Omit<RdsDataData, 'accessKeyId'>,
): Promise<{ client: RDSDataClient; close: () => Promise<void> }> {
  const emulator = start('rds-data', data)
  const client = new RDSDataClient({ endpoint: await emulator.endpoint, region: REGION, credentials })
  const close = async () => {
    client.destroy()
    await emulator.close()
  }
  return { client, close }
}
