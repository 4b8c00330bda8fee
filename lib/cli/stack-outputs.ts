import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { Refusal } from './refusal.ts'

/** Reads the outputs of a deployed stack, by name. Throws `Refusal` if the stack can't be read or does not exist. */
export async function outputsOfStack(stack: string): Promise<Record<string, string>> {
  try {
    const { Stacks = [] } = await new CloudFormationClient().send(new DescribeStacksCommand({ StackName: stack }))
    const outputs = Stacks[0]?.Outputs ?? []
    return Object.fromEntries(outputs.map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]))
  } catch (error) {
    throw new Refusal(reason(stack, error instanceof Error ? error : new Error(String(error))), { cause: error })
  }
}

function reason(stack: string, { name, message }: Error): string {
  if (message.startsWith('Region is missing'))
    return 'no AWS region is set: set AWS_REGION, or name a profile that has one with AWS_PROFILE'
  if (name === 'CredentialsProviderError')
    return 'no AWS credentials were found: sign in, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
  if (name === 'ValidationError' && message.endsWith('does not exist'))
    return `there is no stack ${stack} in this account and region: name yours with --stack`
  return `the stack ${stack} can't be read: ${name}: ${message}`
}
