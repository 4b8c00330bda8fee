import { S3Client } from '@aws-sdk/client-s3'
import { describe, expect, it } from 'vitest'
import { Defect, Unavailable } from '../../../../../../functions/core/platform/unavailable.ts'
import { s3Payloads } from '../../../../../../functions/core/stores/payloads/s3.ts'
import { networkError } from '../../../../../support/faults.ts'
import { mockClient } from '../../../../../support/mock-client.ts'

describe('s3Payloads', () => {
  it('fails with Unavailable if S3 is unavailable', async () => {
    const client = new S3Client({ region: 'us-east-1' })
    mockClient(client).rejects(networkError('slow down'))
    const payloads = s3Payloads(client, 'payloads')

    await expect(payloads.put('a', '1')).rejects.toThrow(Unavailable)
    await expect(payloads.get('a')).rejects.toThrow(Unavailable)
  })

  it('fails with Defect if S3 denies access: a missing object gives another error, since the functions may list the bucket', async () => {
    const client = new S3Client({ region: 'us-east-1' })
    mockClient(client).rejects(Object.assign(new Error('Access Denied'), { name: 'AccessDenied' }))
    const payloads = s3Payloads(client, 'payloads')

    await expect(payloads.get('a')).rejects.toThrow(Defect)
    await expect(payloads.put('a', '1')).rejects.toThrow(Defect)
  })
})
