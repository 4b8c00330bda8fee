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

/** The state of each custom resource after its last start. If a resource has a state, the next start sends the event `Update`, and not `Create`. */
const Remembered = z.record(
  z.string(),
  z.object({ PhysicalResourceId: z.string(), ResourceProperties: z.looseObject({ ServiceToken: z.string() }) }),
)
const REMEMBERED_FILE = 'custom-resources.json'

/**
 * Invokes the function of a custom resource once per start, with CloudFormation's event. Waits for the answer that the function sends to the event's
 * ResponseURL.
 */
export const customResource: ResourceType = async (declared, system) => {
  const properties = await propertiesOf(declared, Properties)
  const target = functionOf(system, declared, properties.ServiceToken)
  const remembered = () => Remembered.safeParse(system.data.readJson(REMEMBERED_FILE)).data ?? {}

  const { url, response } = system.aws.expectResponse()
  const event = eventFor(declared, system, properties, url, remembered()[declared.logicalId])
  const { Status, Reason, PhysicalResourceId, Data } = await run(declared, target, event, response)
  if (Status === 'FAILED') throw failed(declared, target, Reason)

  // Another custom resource may have written the file since the first read. So the file is read again, and keeps the other resource's state.
  const entry = { PhysicalResourceId, ResourceProperties: properties }
  system.data.writeJson(REMEMBERED_FILE, { ...remembered(), [declared.logicalId]: entry })
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
    throw failed(declared, target, result.ok ? 'it sent no answer to the ResponseURL' : result.error.errorMessage)
  })
  const answer = await Promise.race([response, silence])
  silence.catch(() => {}) // after the answer, the result of the invocation does not matter
  const parsed = Response.safeParse(answer)
  if (!parsed.success) throw failed(declared, target, 'its answer does not have the shape that CloudFormation asks for')
  return parsed.data
}

function failed({ logicalId }: Declared, target: LocalFunction, reason: string): LocalError {
  return new LocalError(`${logicalId}: function ${target.logicalId} failed: ${reason}`)
}
