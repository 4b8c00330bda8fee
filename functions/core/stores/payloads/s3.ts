import { DeleteObjectCommand, GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { parseStored } from '../../platform/json.ts'
import { reaching } from '../../platform/unavailable.ts'
import type { Payloads } from './port.ts'

/**
 * The longest time of a deletion, including its retries, in milliseconds. It is short, because a deletion only cleans
 * up, and must not keep its caller from more important work. If a deletion fails, the bucket's lifecycle rule deletes
 * the object later.
 */
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
          // S3 answers NoSuchKey only to a role that may list the bucket, so the functions that read objects may list
          // it. Any other role would get AccessDenied for an object that was deleted because of its age. AccessDenied
          // would be thrown, and a GET of the old request would be answered with 500.
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
