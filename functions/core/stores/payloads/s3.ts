import { DeleteObjectCommand, GetObjectCommand, NoSuchKey, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { impatient } from '../../platform/client-timeouts.ts'
import { parseStored } from '../../platform/json.ts'
import { reaching } from '../../platform/unavailable.ts'
import type { Payloads } from './port.ts'

/** The gateway sends up to 4 MB, and three tries leave it time to take its reservation back. */
export const s3Client = (): S3Client => new S3Client(impatient(6_000))

/** All tries of a deletion together: it only tidies up, and those who end a request have more to do. Milliseconds. */
const DELETE_MS = 3_000

export function s3Payloads(client: S3Client, bucket: string): Payloads {
  return {
    put: (key, json) =>
      reaching('the payload store', async () => {
        await client.send(
          new PutObjectCommand({ Bucket: bucket, Key: key, Body: json, ContentType: 'application/json' }),
        )
      }),
    get: key =>
      reaching('the payload store', async () => {
        try {
          const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: key }))
          return parseStored((await Body?.transformToString()) ?? 'null')
        } catch (error) {
          if (error instanceof NoSuchKey) return undefined
          throw error
        }
      }),
    delete: key =>
      reaching('the payload store', async () => {
        const abortSignal = AbortSignal.timeout(DELETE_MS)
        await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }), { abortSignal })
      }),
  }
}
