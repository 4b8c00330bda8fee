import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy from '@middy/core'
import type { CloudFormationCustomResourceEvent } from 'aws-lambda'
import { answerCloudFormation } from '../core/platform/answer-cloudformation.ts'
import { systemClock, systemSleep } from '../core/platform/clock.ts'
import { rdsDataOnce } from '../core/platform/rds-data-client.ts'
import { secretsManagerClient } from '../core/platform/secrets-manager-client.ts'
import { stripErrorStack } from '../core/platform/strip-error-stack.ts'
import { telemetry } from '../core/platform/telemetry.ts'
import { type Answer, apply, DONE } from './apply.ts'
import { compose } from './compose.ts'
import { Env, RoleSecrets } from './env.ts'
import type { MigratorPorts } from './ports.ts'

/**
 * The longest time for which the client waits for a statement, in milliseconds. It is longer than 45 seconds, after
 * which the Data API itself ends a statement. So the client never gives up a statement that still runs.
 */
const STATEMENT_MS = 50_000

const env = Env.parse(process.env)
const { logger } = telemetry(env, { isTraced: false })
const ports: MigratorPorts = {
  ...compose({
    env,
    roleSecrets: RoleSecrets.parse(JSON.parse(env.LEDGER_ROLE_SECRETS)),
    rdsData: rdsDataOnce(STATEMENT_MS),
    secretsManager: secretsManagerClient(10_000),
  }),
  logger,
  clock: systemClock,
  sleep: systemSleep,
}

/** The event of an operator's call, after a role's secret has changed, so that Postgres gets the new password. */
type OperatorsCall = Record<string, never>

/**
 * Handles the custom resource. Its creation and its update apply the migrations and set the roles. Its deletion leaves
 * the data as it is. An operator may call this function with `{}`. It then does the same as for an update, and returns
 * the result.
 */
async function handle(event: CloudFormationCustomResourceEvent | OperatorsCall): Promise<Answer | undefined> {
  if (!isCloudFormations(event)) return apply(ports)
  const answer = event.RequestType === 'Delete' ? DONE : await apply(ports)
  await answerCloudFormation(event.ResponseURL, {
    ...answer,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    PhysicalResourceId: 'migrations',
  })
  return undefined
}

const isCloudFormations = (
  event: CloudFormationCustomResourceEvent | OperatorsCall,
): event is CloudFormationCustomResourceEvent => 'ResponseURL' in event

export const handler = middy(handle).use(injectLambdaContext(logger)).use(stripErrorStack(logger))
