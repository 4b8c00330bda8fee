import { DeleteObjectsCommand, ListObjectsV2Command, type S3Client } from '@aws-sdk/client-s3'
import { reaching } from '../../platform/unavailable.ts'
import { userFolder } from './names.ts'
import type { PayloadsAdmin } from './port.ts'

/**
 * Makes the operator's access to the bucket. It lists the bucket to find all objects of a user, and needs the right to
 * do so.
 */
export function s3PayloadsAdmin(client: S3Client, bucket: string): PayloadsAdmin {
  const deleteSome = async (prefix: string): Promise<number> => {
    const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix }))
    const Objects = Contents.flatMap(({ Key }) => (Key === undefined ? [] : [{ Key }]))
    if (Objects.length === 0) return 0
    const { Errors = [] } = await client.send(
      new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects, Quiet: true } }),
    )
    const [first] = Errors
    if (first) throw new Error(`${Errors.length} objects could not be deleted: ${first.Code}`)
    return Objects.length
  }
  return {
    deleteOfUser: userId =>
      reaching('the payload store', async () => {
        let deleted = 0
        // Each round lists the first objects again and not a next page, because the objects of the round before have
        // been deleted.
        for (;;) {
          const some = await deleteSome(userFolder(userId))
          if (some === 0) return deleted
          deleted += some
        }
      }),
  }
}
