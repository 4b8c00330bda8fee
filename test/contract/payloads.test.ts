import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { s3Payloads } from '../../functions/core/stores/payloads/s3.ts'
import { startSqsAndS3 } from '../support/emulators.ts'
import { memoryPayloads } from '../support/memory/payloads.ts'
import { describePayloadsContract } from './payloads.ts'

describePayloadsContract('memory', async () => ({ payloads: memoryPayloads(), close: async () => undefined }))

describePayloadsContract('fauxqs', async () => {
  const { s3, close } = await startSqsAndS3()
  await s3.send(new CreateBucketCommand({ Bucket: 'payloads' }))
  return { payloads: s3Payloads(s3, 'payloads'), close }
})
