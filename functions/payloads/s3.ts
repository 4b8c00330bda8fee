import { GetObjectCommand, NoSuchKey, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { reaching } from '../platform/unavailable.ts'
import type { Payloads } from './port.ts'

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
          return JSON.parse((await Body?.transformToString()) ?? 'null')
        } catch (error) {
          if (error instanceof NoSuchKey) return undefined
          throw error
        }
      }),
  }
}
