import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { SQSClient } from '@aws-sdk/client-sqs'
import * as z from 'zod'
import { functionNameOf } from '../arn.ts'
import type { AwsEndpoint } from '../aws-endpoint.ts'
import type { DataFolder } from '../data-folder.ts'
import { LocalError } from '../error.ts'
import type { Authorizer } from '../http-api/authorizer.ts'
import type { HttpApi, RouteTarget } from '../http-api/server.ts'
import type { LocalFunction } from '../lambda/function.ts'
import type { Created, Declared } from '../stack.ts'

/** What works by itself once every resource is there. */
export interface Activity {
  /** Begins nothing more. */
  stop(): Promise<void>
  /** Resolves when what it had begun is over. */
  finished(): Promise<void>
}

/** What a resource may use, and where it leaves what others need. */
export interface System {
  stackName: string
  log(line: string): void
  data: DataFolder
  assetFolder(objectKey: string): string | undefined
  endpoints: { sqs: string; dynamodb: string; s3: string; rds_data: string }
  /** What calls of the endpoints are signed with. */
  accessKeyId: string
  sqs: SQSClient
  dynamodb: DynamoDBClient
  aws: AwsEndpoint
  /** By name. */
  functions: Map<string, LocalFunction>
  /** The parts of the HTTP API, by their ids, as they are created. */
  api: {
    declared?: Pick<HttpApi, 'apiId'>
    stage?: string
    integrations: Map<string, Omit<RouteTarget, 'authorizer'>>
    authorizers: Map<string, Authorizer>
    routes: HttpApi['routes']
  }
  /** Begun, in this order, when all resources are created. */
  activities: (() => Activity)[]
}

/** How the local system has a type of resource: creates it, or takes up what an earlier start left of it. */
export type ResourceType = (declared: Declared, system: System) => Promise<Created>

/** The properties in their shape. Throws LocalError that names the resource if they have another. */
export async function propertiesOf<Shape>(declared: Declared, schema: z.ZodType<Shape>): Promise<Shape> {
  const result = schema.safeParse(await declared.properties())
  if (result.success) return result.data
  const problems = result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`)
  throw new LocalError(`${declared.logicalId} (${declared.type}): ${problems.join('; ')}`)
}

/** The shape of a property that would change what the resource does, and that isn't emulated. */
export const unsupported = z.never({ error: 'is not supported by the local system' }).optional()

/** What `Ref` and `Fn::GetAtt` give. */
export function created(ref: string, attributes: Record<string, string> = {}): Created {
  return { ref, attribute: name => attributes[name] }
}

/** A physical name for a resource that declares none: the same at each start, so that its state is found again. */
export function physicalName({ stackName }: System, { logicalId }: Declared): string {
  return `${stackName}-${logicalId}`
}

/** The function that a property means by its name, or by an ARN or URI with its ARN in it. */
export function functionOf(system: System, declared: Declared, reference: string): LocalFunction {
  const found = system.functions.get(functionNameOf(reference) ?? reference)
  if (found) return found
  throw new LocalError(`${declared.logicalId} (${declared.type}): ${reference} is no function of the template.`)
}

/** Throws LocalError for a property that would change what the resource does, and that isn't emulated. */
export function refuse(declared: Declared, what: string): never {
  throw new LocalError(`${declared.logicalId} (${declared.type}): ${what} is not supported by the local system.`)
}
