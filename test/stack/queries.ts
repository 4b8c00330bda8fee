import * as z from 'zod'
import type { Resource, Template } from './synthesized.ts'

export type Found = Resource & { readonly id: string }

/** All resources of a type, in the order of the template. */
export const ofType = ({ Resources }: Template, type: string): Found[] =>
  Object.entries(Resources)
    .filter(([, { Type }]) => Type === type)
    .map(([id, resource]) => ({ id, ...resource }))

/** The only resource of a type with these properties. */
export function only(template: Template, type: string, properties: Record<string, unknown> = {}): Found {
  const found = ofType(template, type).filter(({ Properties }) =>
    Object.entries(properties).every(([name, value]) => JSON.stringify(Properties[name]) === JSON.stringify(value)),
  )
  const [first] = found
  if (first === undefined || found.length > 1)
    throw new Error(`${found.length} ${type} with ${JSON.stringify(properties)}`)
  return first
}

type Variables = Record<string, unknown>

export const variablesOf = ({ Properties }: Resource): Variables =>
  (Properties.Environment as { Variables: Variables }).Variables

/** The Lambda function of this service, such as `gateway` or `worker-text`, without the name of the pipeline. */
export function functionOf(template: Template, service: string): Found {
  const found = ofType(template, 'AWS::Lambda::Function').find(fn =>
    String(variablesOf(fn).POWERTOOLS_SERVICE_NAME).endsWith(`-${service}`),
  )
  if (!found) throw new Error(`no function is the service ${service}`)
  return found
}

/** The resource that an output refers to. */
export function outputOf({ Resources, Outputs }: Template, name: string): Resource {
  const { Ref: id } = (Outputs[name]?.Value ?? {}) as { Ref?: string }
  const resource = id === undefined ? undefined : Resources[id]
  if (!resource) throw new Error(`the output ${name} refers to no resource`)
  return resource
}

/** The queue with this name. */
export const queueOf = (template: Template, name: string): Found =>
  only(template, 'AWS::SQS::Queue', { QueueName: name })

/** The properties of the event source mapping that brings a queue’s messages to their function. */
export function mappingOf(template: Template, queueName: string): Record<string, unknown> {
  const source = { 'Fn::GetAtt': [queueOf(template, queueName).id, 'Arn'] }
  return only(template, 'AWS::Lambda::EventSourceMapping', { EventSourceArn: source }).Properties
}

/** A value of the template as a text. A reference to a resource becomes `<LogicalId>`, without the hash of the CDK. */
export function render(value: unknown): string {
  if (typeof value === 'string') return value
  const intrinsic = value as { Ref?: string; 'Fn::GetAtt'?: [string, string]; 'Fn::Join'?: [string, unknown[]] }
  if (intrinsic.Ref !== undefined) return `<${readable(intrinsic.Ref)}>`
  if (intrinsic['Fn::GetAtt']) {
    const [id, attribute] = intrinsic['Fn::GetAtt']
    return `<${readable(id)}.${attribute}>`
  }
  if (intrinsic['Fn::Join']) return intrinsic['Fn::Join'][1].map(render).join(intrinsic['Fn::Join'][0])
  throw new Error(`can't render ${JSON.stringify(value)}`)
}

const readable = (logicalId: string): string => logicalId.replace(/[0-9A-F]{8}$/, '')

interface Statement {
  readonly Effect: string
  readonly Action: string | string[]
  readonly Resource: unknown
  readonly Principal?: { readonly AWS?: unknown }
}

const statementsOf = ({ Properties }: Resource): Statement[] =>
  (Properties.PolicyDocument as { Statement: Statement[] }).Statement

const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : [value])

const grants = ({ Action, Resource: resources }: Statement): string[] =>
  list(Action).flatMap(action => list(resources).map(resource => `${action} ${render(resource)}`))

/** All rights of a function’s role, by its own policies and by policies of buckets: `action resource`, sorted. */
export function grantsOf(template: Template, fn: Resource): string[] {
  const roleArn = fn.Properties.Role as { 'Fn::GetAtt': [string, string] }
  const [roleId] = roleArn['Fn::GetAtt']
  const own = ofType(template, 'AWS::IAM::Policy')
    .filter(({ Properties }) => JSON.stringify(Properties.Roles) === JSON.stringify([{ Ref: roleId }]))
    .flatMap(statementsOf)
  const ofBuckets = ofType(template, 'AWS::S3::BucketPolicy')
    .flatMap(statementsOf)
    .filter(({ Principal }) =>
      list(Principal?.AWS).some(principal => JSON.stringify(principal) === JSON.stringify(roleArn)),
    )
  return [...own, ...ofBuckets].flatMap(grants).sort()
}

/** The environment variables that a function always has, sorted. Optional variables exist only if pipeline.yaml uses their feature. */
export const requiredOf = ({ shape }: z.ZodObject): string[] =>
  Object.entries(shape)
    .flatMap(([name, value]) => (value instanceof z.ZodOptional ? [] : [name]))
    .sort()
