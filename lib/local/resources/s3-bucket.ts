import * as z from 'zod'
import { PARTITION, REGION } from '../arn.ts'
import { authorizationOf } from '../trust/access-key.ts'
import { created, physicalName, propertiesOf, type ResourceType } from './resource.ts'

const Properties = z.object({ BucketName: z.string().optional() })

export const s3Bucket: ResourceType = async (declared, system) => {
  const { BucketName } = await propertiesOf(declared, Properties)
  const name = BucketName ?? physicalName(system, declared).toLowerCase().slice(0, 63)
  // This PUT is S3's CreateBucket. It does not change an existing bucket. The call does not use the SDK of S3, because the SDK takes long to load.
  const response = await fetch(`${system.endpoints.s3}/${name}`, {
    method: 'PUT',
    headers: { authorization: authorizationOf(system.accessKeyId) },
  })
  if (!response.ok) throw new Error(`${declared.logicalId}: the bucket can't be created: ${await response.text()}`)
  return created(name, {
    Arn: `arn:${PARTITION}:s3:::${name}`,
    DomainName: `${name}.s3.amazonaws.com`,
    RegionalDomainName: `${name}.s3.${REGION}.amazonaws.com`,
  })
}
