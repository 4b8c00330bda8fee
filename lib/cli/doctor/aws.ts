import { LambdaClient } from '@aws-sdk/client-lambda'
import type { Pipeline } from '../../config/schema.ts'
import { reasonOf, type StackState, stateOfStack } from '../stack-outputs.ts'
import { openTarget } from '../target.ts'
import type { Surroundings } from '../target-choice.ts'
import { examineAccount } from './account.ts'
import { type Check, failed, ok, oneLine } from './check.ts'
import { examineModels } from './pipeline.ts'
import { examineStack, stateOf } from './stack.ts'

export interface Wanted {
  readonly stack: string
  readonly pipeline: Pipeline | undefined
  readonly mayCall: boolean
  /** Epoch milliseconds. */
  readonly now: number
}

/**
 * Examines an account before a deployment, and the stack if it exists. If no region or no credentials are found, all
 * other checks are left out.
 */
export async function examineAws(
  { stack, pipeline, mayCall, now }: Wanted,
  surroundings: Surroundings,
): Promise<Check[]> {
  const { region, check } = await access()
  if (region === undefined) return [check]
  const found = await readState(stack)
  if ('check' in found) return [check, found]
  const isDeployed = found.stack !== undefined && !NEVER_DEPLOYED.has(found.stack.status)
  const [account, models] = await Promise.all([
    examineAccount(region, pipeline, isDeployed),
    pipeline ? examineModels(pipeline) : [],
  ])
  const before = [check, ...account, ...models, stateOf(stack, found.stack)]
  return found.stack && isDeployed
    ? [...before, ...(await deployed(stack, found.stack, surroundings, { pipeline, mayCall, now }))]
    : before
}

/** The states in which a stack has no resources that a deployment could use. */
const NEVER_DEPLOYED: ReadonlySet<string> = new Set([
  'CREATE_FAILED',
  'DELETE_FAILED',
  'DELETE_IN_PROGRESS',
  'REVIEW_IN_PROGRESS',
  'ROLLBACK_COMPLETE',
  'ROLLBACK_FAILED',
  'ROLLBACK_IN_PROGRESS',
])

const ACCESS = 'access'

async function access(): Promise<{ region: string | undefined; check: Check }> {
  const { config } = new LambdaClient()
  const region = await config.region().catch(() => '')
  if (!region) return without('no AWS region is set', 'set AWS_REGION, or name a profile that has one with AWS_PROFILE')
  try {
    await config.credentials()
    return { region, check: ok(ACCESS, `the region is ${region}, and there are credentials`) }
  } catch {
    const todo = 'sign in, or set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY'
    return without('no AWS credentials were found', todo)
  }
}

const without = (found: string, todo: string) => ({ region: undefined, check: failed(ACCESS, found, todo) })

async function readState(stack: string): Promise<Check | { stack: StackState | undefined }> {
  try {
    return { stack: await stateOfStack(stack) }
  } catch (error) {
    return failed('stack', oneLine(reasonOf(stack, error)), 'check the credentials and their rights')
  }
}

async function deployed(
  stack: string,
  { outputs }: StackState,
  surroundings: Surroundings,
  { pipeline, mayCall, now }: Pick<Wanted, 'pipeline' | 'mayCall' | 'now'>,
): Promise<Check[]> {
  const apiUrl = outputs.ApiUrl
  if (apiUrl === undefined)
    return [
      failed(
        'outputs',
        `the stack ${stack} has no output ApiUrl`,
        'name a stack of Sluice with --stack, or deploy it again',
      ),
    ]
  try {
    const target = await openTarget({ target: 'aws', stack }, surroundings)
    return await examineStack({ stack, apiUrl, target, surroundings, pipeline, mayCall }, now)
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error))
    return [failed('outputs', message, 'deploy this version with `npx cdk deploy`')]
  }
}
