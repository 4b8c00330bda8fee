import { DeleteObjectsCommand, ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'
import { beforeEach, describe, expect, it } from 'vitest'
import { Defect } from '../../../../../../functions/core/platform/unavailable.ts'
import { s3PayloadsAdmin } from '../../../../../../functions/core/stores/payloads/admin.ts'
import { mockClient } from '../../../../../support/mock-client.ts'

const s3 = mockClient(S3Client)
beforeEach(() => s3.reset())

const admin = s3PayloadsAdmin(new S3Client({ region: 'us-east-1' }), 'payloads')
const page = (count: number) => ({ Contents: Array.from({ length: count }, (_, i) => ({ Key: `requests/u1/${i}` })) })

describe('s3PayloadsAdmin', () => {
  it('deletes the objects of a user page after page, and only objects in the user’s folder', async () => {
    s3.on(ListObjectsV2Command).resolvesOnce(page(1_000)).resolvesOnce(page(3)).resolves({})
    s3.on(DeleteObjectsCommand).resolves({})

    expect(await admin.deleteOfUser('u1')).toBe(1_003)

    const prefixes = s3.commandCalls(ListObjectsV2Command).map(({ args: [{ input }] }) => input.Prefix)
    expect(new Set(prefixes)).toEqual(new Set(['requests/u1/']))
    const deleted = s3.commandCalls(DeleteObjectsCommand).map(({ args: [{ input }] }) => input.Delete?.Objects?.length)
    expect(deleted).toEqual([1_000, 3])
  })

  it('the deletion fails, instead of repeating endlessly, if S3 deletes only some of the objects', async () => {
    s3.on(ListObjectsV2Command).resolves(page(2))
    s3.on(DeleteObjectsCommand).resolves({ Errors: [{ Key: 'requests/u1/0', Code: 'AccessDenied' }] })

    const deletion = admin.deleteOfUser('u1')

    await expect(deletion).rejects.toThrow(Defect)
    await expect(deletion).rejects.toThrow('1 objects could not be deleted: AccessDenied')
  })
})
