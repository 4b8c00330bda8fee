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
import type { LogFile } from '../lambda/log-file.ts'
import type { StartThread } from '../lambda/thread.ts'
import type { Observer } from '../observer.ts'
import type { Created, Declared } from '../stack.ts'
import type { Troubles } from '../troubles.ts'

/** Work that runs by itself when all resources exist, such as a schedule or an event source mapping. */
export interface Activity {
  /** Stops starting new work. */
  stop(): Promise<void>
  /** Resolves when all started work is over. */
  finished(): Promise<void>
}

/** The parts of the system that a resource may use, and the places where it registers itself for others. */
export interface System {
  stackName: string
  log(line: string): void
  /** Shows the warnings and errors of functions on the terminal. */
  troubles: Troubles
  /** The file for the metrics of all functions. */
  metricsFile: Pick<LogFile, 'append'>
  observer: Observer
  data: DataFolder
  assetFolder(objectKey: string): string | undefined
  endpoints: { sqs: string; dynamodb: string; s3: string; rds_data: string }
  /** The URL for telemetry over OTLP/HTTP. `/v1/traces` is added to it. Undefined if no telemetry is exported. */
  otlpEndpoint: string | undefined
  /** Callers of the endpoints must sign with this id. */
  accessKeyId: string
  sqs: SQSClient
  /** Ends all receives of `sqs` that wait for a message. */
  endWaits(): Promise<void>
  /** The address of the RabbitMQ to use, with its credentials. Only a template with a broker needs one. */
  brokerUrl: string
  dynamodb: DynamoDBClient
  aws: AwsEndpoint
  startThread: StartThread
  /** The highest number of simultaneous invocations of a function in one thread. */
  invocationsPerThread: number
  /** The functions by name. */
  functions: Map<string, LocalFunction>
  /** The names of the queues that are created so far. */
  queues: string[]
  /** The names of the queues of the broker from which functions take messages. */
  brokerQueues: string[]
  /** The parts of the HTTP API that are created so far. The keys of the maps are logical ids. */
  api: {
    declared?: Pick<HttpApi, 'apiId'>
    stage?: string
    integrations: Map<string, Omit<RouteTarget, 'authorizer'>>
    authorizers: Map<string, Authorizer>
    /** The functions that calls to the API invoke. Clients wait for their answers. */
    functions: Set<LocalFunction>
    routes: HttpApi['routes']
  }
  /** These activities are started when all resources are created. */
  activities: (() => Activity)[]
}

/** Creates a resource of one type, or continues with its state from an earlier start. */
export type ResourceType = (declared: Declared, system: System) => Promise<Created>

/** Parses the properties of a resource. Throws LocalError with the resource's name if they do not match the schema. */
export async function propertiesOf<Shape>(declared: Declared, schema: z.ZodType<Shape>): Promise<Shape> {
  const result = schema.safeParse(await declared.properties())
  if (result.success) return result.data
  const problems = result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`)
  throw new LocalError(`${declared.logicalId} (${declared.type}): ${problems.join('; ')}`)
}

/** The schema of a property that is not emulated. It refuses any value. Otherwise the resource would silently not do what the template says. */
export const unsupported = z.never({ error: 'is not supported by the local system' }).optional()

/** Makes the result of a creation: the values of `Ref` and `Fn::GetAtt`. */
export function created(ref: string, attributes: Record<string, string> = {}): Created {
  return { ref, attribute: name => attributes[name] }
}

/** Makes a physical name for a resource that declares no name. The name is the same at each start, so the next start finds the resource's state. */
export function physicalName({ stackName }: System, { logicalId }: Declared): string {
  return `${stackName}-${logicalId}`
}

/** Finds the function to which a property refers by name, by ARN, or by a URI that contains the ARN. */
export function functionOf(system: System, declared: Declared, reference: string): LocalFunction {
  const found = system.functions.get(functionNameOf(reference) ?? reference)
  if (found) return found
  throw new LocalError(`${declared.logicalId} (${declared.type}): ${reference} is not a function of the template.`)
}

/** Throws LocalError for a feature that is not emulated. */
export function refuse(declared: Declared, what: string): never {
  throw new LocalError(`${declared.logicalId} (${declared.type}): ${what} is not supported by the local system.`)
}
