import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy from '@middy/core'
import type { CloudFormationCustomResourceEvent, CloudFormationCustomResourceResponse } from 'aws-lambda'
import { secretsManagerClient } from '../core/platform/secrets-manager-client.ts'
import { stripErrorStack } from '../core/platform/strip-error-stack.ts'
import { telemetry } from '../core/platform/telemetry.ts'
import { migrate } from '../core/stores/ledger/migrate.ts'
import { retryWhileResuming } from '../core/stores/ledger/retry-while-resuming.ts'
import { setRoles } from '../core/stores/ledger/set-roles.ts'
import { Env, RoleSecrets } from './env.ts'
import { readPasswords } from './passwords.ts'

const env = Env.parse(process.env)
const roleSecrets = RoleSecrets.parse(JSON.parse(env.LEDGER_ROLE_SECRETS))
const { logger } = telemetry(env)
const secretsManager = secretsManagerClient(10_000)

/** How long to wait for a database that is new or has paused, in milliseconds. */
const client = retryWhileResuming(180_000)

/** An operator calls it with this after a role's secret has changed. */
type OperatorsCall = Record<string, never>

/**
 * The custom resource whose creation and update apply the migrations and set the roles. Its deletion leaves the data alone.
 * Called with `{}`, it does the same and answers what came of it.
 */
async function handle(event: CloudFormationCustomResourceEvent | OperatorsCall): Promise<Answer | undefined> {
  if (!isCloudFormations(event)) return apply()
  const answer = event.RequestType === 'Delete' ? DONE : await apply()
  const response: CloudFormationCustomResourceResponse = {
    ...answer,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    PhysicalResourceId: 'migrations',
  }
  const { ok, status } = await fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify(response) })
  if (!ok) throw new Error(`CloudFormation did not take the answer: ${status}`)
  return undefined
}

type Answer = { Status: 'SUCCESS' } | { Status: 'FAILED'; Reason: string }
const DONE: Answer = { Status: 'SUCCESS' }

const isCloudFormations = (
  event: CloudFormationCustomResourceEvent | OperatorsCall,
): event is CloudFormationCustomResourceEvent => 'ResponseURL' in event

async function apply(): Promise<Answer> {
  try {
    const applied = await migrate(client, env)
    logger.info('migrations applied', { applied })
    const areSet = await setRoles(client, env, await readPasswords(secretsManager, roleSecrets))
    if (!areSet)
      logger.warn('no roles are set: the user of the database may create none, so everything runs as that user')
    return DONE
  } catch (error) {
    logger.error('the migrations failed', error as Error)
    return { Status: 'FAILED', Reason: `the migrations failed: ${(error as Error).message}` }
  }
}

export const handler = middy(handle).use(injectLambdaContext(logger)).use(stripErrorStack(logger))
