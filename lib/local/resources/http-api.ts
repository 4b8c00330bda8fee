import * as z from 'zod'
import { REGION } from '../arn.ts'
import { LocalError } from '../error.ts'
import { createAuthorizer } from '../http-api/authorizer.ts'
import { created, functionOf, propertiesOf, type ResourceType, refuse, unsupported } from './resource.ts'

const Api = z.object({
  ProtocolType: z.literal('HTTP', { error: 'only HTTP is supported by the local system' }),
  CorsConfiguration: unsupported,
})

export const api: ResourceType = async (declared, system) => {
  await propertiesOf(declared, Api)
  if (system.api.declared)
    throw new LocalError(`${declared.logicalId}: the local system runs one HTTP API, and has one already.`)
  system.api.declared = { apiId: declared.logicalId }
  return created(declared.logicalId, { ApiId: declared.logicalId, ApiEndpoint: apiAddress(declared.logicalId) })
}

/** Returns the address of an API on AWS. The local address replaces it in texts of the template. */
export function apiAddress(apiId: string): string {
  return `https://${apiId}.execute-api.${REGION}.amazonaws.com`
}

export const stage: ResourceType = async (declared, system) => {
  const { StageName } = await propertiesOf(declared, z.object({ StageName: z.string() }))
  if (system.api.stage !== undefined) throw new LocalError(`${declared.logicalId}: the local system runs one stage.`)
  system.api.stage = StageName
  return created(StageName)
}

const Integration = z.object({
  IntegrationType: z.literal('AWS_PROXY', { error: 'only AWS_PROXY is supported by the local system' }),
  IntegrationUri: z.string(),
  PayloadFormatVersion: z.literal('2.0', { error: 'only 2.0 is supported by the local system' }),
  TimeoutInMillis: z.coerce.number().default(30_000),
})

export const integration: ResourceType = async (declared, system) => {
  const properties = await propertiesOf(declared, Integration)
  const called = functionOf(system, declared, properties.IntegrationUri)
  system.api.functions.add(called)
  system.api.integrations.set(declared.logicalId, { function: called, timeoutMs: properties.TimeoutInMillis })
  return created(declared.logicalId)
}

const AuthorizerProperties = z.object({
  AuthorizerType: z.literal('REQUEST', { error: 'only REQUEST is supported by the local system' }),
  AuthorizerUri: z.string(),
  AuthorizerPayloadFormatVersion: z.literal('2.0', { error: 'only 2.0 is supported by the local system' }),
  EnableSimpleResponses: z.literal(true, { error: 'must be true: the local system has no policy responses' }),
  IdentitySource: z.array(z.string()).default([]),
  AuthorizerResultTtlInSeconds: z.coerce.number().default(300),
})

export const authorizer: ResourceType = async (declared, system) => {
  const properties = await propertiesOf(declared, AuthorizerProperties)
  const called = functionOf(system, declared, properties.AuthorizerUri)
  system.api.functions.add(called)
  const authorize = createAuthorizer({
    logicalId: declared.logicalId,
    function: called,
    identitySources: properties.IdentitySource,
    ttlSeconds: properties.AuthorizerResultTtlInSeconds,
    now: Date.now,
  })
  system.api.authorizers.set(declared.logicalId, authorize)
  return created(declared.logicalId, { AuthorizerId: declared.logicalId })
}

const Route = z.object({
  RouteKey: z.string(),
  Target: z.string().transform(target => target.replace(/^integrations\//, '')),
  AuthorizationType: z.enum(['NONE', 'CUSTOM']).default('NONE'),
  AuthorizerId: z.string().optional(),
})

export const route: ResourceType = async (declared, system) => {
  const { RouteKey, Target, AuthorizationType, AuthorizerId } = await propertiesOf(declared, Route)
  const target = system.api.integrations.get(Target) ?? refuse(declared, `target ${Target}`)
  const check = AuthorizationType === 'CUSTOM' ? system.api.authorizers.get(AuthorizerId ?? '') : undefined
  if (AuthorizationType === 'CUSTOM' && !check) refuse(declared, `authorizer ${AuthorizerId}`)
  system.api.routes.push({ key: RouteKey, target: { ...target, authorizer: check } })
  return created(declared.logicalId)
}
