import { randomUUID } from 'node:crypto'
import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import * as z from 'zod'
import { LocalError } from '../error.ts'
import type { LocalFunction } from '../lambda/function.ts'
import { type Created, type Declared, stackId } from '../stack.ts'
import { functionOf, propertiesOf, type ResourceType, type System } from './resource.ts'

const Properties = z.looseObject({ ServiceToken: z.string() })

const Response = z.object({
  Status: z.enum(['SUCCESS', 'FAILED']),
  Reason: z.string().default('no reason given'),
  PhysicalResourceId: z.string().default(''),
  Data: z.record(z.string(), z.unknown()).default({}),
})
type Response = z.infer<typeof Response>

/** What is remembered of each custom resource, so that the next start is an update of it. */
const Remembered = z.record(
  z.string(),
  z.object({ PhysicalResourceId: z.string(), ResourceProperties: z.looseObject({ ServiceToken: z.string() }) }),
)
const REMEMBERED_FILE = 'custom-resources.json'

/** Runs the function once at each start, with CloudFormation's event, and waits for what it answers to the ResponseURL. */
export const customResource: ResourceType = async (declared, system) => {
  const properties = await propertiesOf(declared, Properties)
  const target = functionOf(system, declared, properties.ServiceToken)
  const remembered = Remembered.safeParse(system.data.readJson(REMEMBERED_FILE)).data ?? {}

  const { url, response } = system.aws.expectResponse()
  const event = eventFor(declared, system, properties, url, remembered[declared.logicalId])
  const { Status, Reason, PhysicalResourceId, Data } = await run(declared, target, event, response)
  if (Status === 'FAILED') throw failed(declared, target, Reason)

  remembered[declared.logicalId] = { PhysicalResourceId, ResourceProperties: properties }
  system.data.writeJson(REMEMBERED_FILE, remembered)
  return {
    ref: PhysicalResourceId,
    attribute: name => (name in Data ? String(Data[name]) : undefined),
  } satisfies Created
}

function eventFor(
  { logicalId, type }: Declared,
  { stackName }: System,
  properties: z.infer<typeof Properties>,
  url: string,
  before: z.infer<typeof Remembered>[string] | undefined,
): CloudFormationCustomResourceEvent {
  const event = {
    ServiceToken: properties.ServiceToken,
    ResponseURL: url,
    StackId: stackId(stackName),
    RequestId: randomUUID(),
    LogicalResourceId: logicalId,
    ResourceType: type,
    ResourceProperties: properties,
  }
  if (!before) return { ...event, RequestType: 'Create' }
  const { PhysicalResourceId, ResourceProperties } = before
  return { ...event, RequestType: 'Update', PhysicalResourceId, OldResourceProperties: ResourceProperties }
}

async function run(
  declared: Declared,
  target: LocalFunction,
  event: CloudFormationCustomResourceEvent,
  response: Promise<unknown>,
): Promise<Response> {
  const silence = target.invoke(event).then(result => {
    throw failed(declared, target, result.ok ? 'it answered nothing to the ResponseURL' : result.error.errorMessage)
  })
  const answer = await Promise.race([response, silence])
  silence.catch(() => {}) // of one that has answered, the end is of no interest
  const parsed = Response.safeParse(answer)
  if (!parsed.success) throw failed(declared, target, 'it answered in another shape than CloudFormation asks for')
  return parsed.data
}

function failed({ logicalId }: Declared, target: LocalFunction, reason: string): LocalError {
  return new LocalError(`${logicalId}: function ${target.logicalId} failed: ${reason}`)
}
