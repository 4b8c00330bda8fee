import {
  CloudFormationClient,
  paginateListStackResources,
  type StackResourceSummary,
} from '@aws-sdk/client-cloudformation'

/** The log group of a function. */
export interface LogGroup {
  /** The place of the function in the stack, such as `GatewayFunction`. */
  readonly name: string
  readonly group: string
}

const HASH = /[0-9A-F]{8}$/

/**
 * Finds the log groups of a stack's functions. A function and its log group have the same parent construct. Log
 * groups without a function next to them are left out.
 */
export async function logGroupsOf(stack: string): Promise<LogGroup[]> {
  const resources: StackResourceSummary[] = []
  const pages = paginateListStackResources({ client: new CloudFormationClient() }, { StackName: stack })
  for await (const { StackResourceSummaries = [] } of pages) resources.push(...StackResourceSummaries)
  const places = (type: string, ending: string) =>
    resources.flatMap(({ ResourceType, LogicalResourceId = '', PhysicalResourceId = '' }) => {
      const place = LogicalResourceId.replace(HASH, '')
      return ResourceType === type && place.endsWith(ending)
        ? [{ name: place.slice(0, -ending.length), group: PhysicalResourceId }]
        : []
    })
  const functions = new Set(places('AWS::Lambda::Function', 'Lambda').map(({ name }) => name))
  return places('AWS::Logs::LogGroup', 'Logs').filter(({ name }) => functions.has(name))
}
