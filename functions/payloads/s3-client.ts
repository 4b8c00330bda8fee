import { S3Client } from '@aws-sdk/client-s3'
import type { Payloads } from './port.ts'
import { s3Payloads } from './s3.ts'

export const s3PayloadsOf = (bucket: string): Payloads => s3Payloads(new S3Client(), bucket)
