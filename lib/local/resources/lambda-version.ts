import { z } from 'zod'
import { created, functionOf, propertiesOf, type ResourceType } from './resource.ts'

/** There is one version of each function here: the code of the template. */
export const lambdaVersion: ResourceType = async (declared, system) => {
  const { FunctionName } = await propertiesOf(declared, z.object({ FunctionName: z.string() }))
  return created(`${functionOf(system, declared, FunctionName).arn}:1`, { Version: '1' })
}

export const lambdaAlias: ResourceType = async (declared, system) => {
  const { FunctionName, Name } = await propertiesOf(declared, z.object({ FunctionName: z.string(), Name: z.string() }))
  const aliasArn = `${functionOf(system, declared, FunctionName).arn}:${Name}`
  return created(aliasArn, { AliasArn: aliasArn })
}
