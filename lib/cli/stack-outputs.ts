import { CloudFormationClient, DescribeStacksCommand, type Stack } from '@aws-sdk/client-cloudformation'
import { describeError } from '../../functions/core/platform/unavailable.ts'
import { Refusal } from './refusal.ts'

/** Reads the outputs of a deployed stack, by name. Throws `Refusal` if the stack can't be read or does not exist. */
export async function outputsOfStack(stack: string): Promise<Record<string, string>> {
  try {
    return outputsIn(await describe(stack))
  } catch (error) {
    throw new Refusal(reasonOf(stack, error), { cause: error })
  }
}

/** The state of a stack in CloudFormation. */
export interface StackState {
  /** Such as `CREATE_COMPLETE`. */
  readonly status: string
  /** The reason of this state, if AWS gives one. */
  readonly reason: string | undefined
  readonly outputs: Readonly<Record<string, string>>
}

/** Reads the state of a stack. Returns undefined if there is no such stack. Rejects with the error of AWS. */
export async function stateOfStack(stack: string): Promise<StackState | undefined> {
  try {
    const found = await describe(stack)
    return { status: found?.StackStatus ?? 'unknown', reason: found?.StackStatusReason, outputs: outputsIn(found) }
  } catch (error) {
    if (error instanceof Error && isAbsent(error)) return undefined
    throw error
  }
}

async function describe(stack: string): Promise<Stack | undefined> {
  const { Stacks = [] } = await new CloudFormationClient().send(new DescribeStacksCommand({ StackName: stack }))
  return Stacks[0]
}

const outputsIn = (stack: Stack | undefined): Record<string, string> =>
  Object.fromEntries((stack?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]))

const isAbsent = ({ name, message }: Error): boolean => name === 'ValidationError' && message.endsWith('does not exist')

/** Returns one sentence with the reason why a stack can't be read. */
export function reasonOf(stack: string, thrown: unknown): string {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  const { name, message } = error
  if (message.startsWith('Region is missing'))
    return 'no AWS region is set: set AWS_REGION, or name a profile that has one with AWS_PROFILE'
  if (name === 'CredentialsProviderError')
    return 'no AWS credentials were found: sign in, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
  if (isAbsent(error)) return `there is no stack ${stack} in this account and region: name yours with --stack`
  return `the stack ${stack} can't be read: ${describeError(error)}`
}
