import { z } from 'zod'
import { arn } from '../arn.ts'
import { created, physicalName, propertiesOf, type ResourceType } from './resource.ts'

/** A secret's value is read from the environment when it is asked for, so there is nothing to create. */
export const secret: ResourceType = async (declared, system) => {
  const { Name } = await propertiesOf(declared, z.object({ Name: z.string().optional() }))
  const secretArn = arn('secretsmanager', `secret:${Name ?? physicalName(system, declared)}`)
  return created(secretArn, { Id: secretArn })
}
