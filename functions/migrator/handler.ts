import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware'
import middy from '@middy/core'
import type { CloudFormationCustomResourceEvent, CloudFormationCustomResourceResponse } from 'aws-lambda'
import { migrate } from '../ledger/migrate.ts'
import { patientRdsData } from '../ledger/patient-client.ts'
import { rejectPlainly } from '../platform/reject-plainly.ts'
import { telemetry } from '../platform/telemetry.ts'
import { Env } from './env.ts'

const env = Env.parse(process.env)
const { logger } = telemetry(env)

/** A database that was just made, or has paused, takes its time. Milliseconds. */
const client = patientRdsData(180_000)

/** The custom resource whose creation and update apply the migrations. Its deletion leaves the data alone. */
async function handle(event: CloudFormationCustomResourceEvent): Promise<void> {
  const answer = await apply(event)
  const response: CloudFormationCustomResourceResponse = {
    ...answer,
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    PhysicalResourceId: 'migrations',
  }
  const { ok, status } = await fetch(event.ResponseURL, { method: 'PUT', body: JSON.stringify(response) })
  if (!ok) throw new Error(`CloudFormation did not take the answer: ${status}`)
}

async function apply(
  event: CloudFormationCustomResourceEvent,
): Promise<{ Status: 'SUCCESS' } | { Status: 'FAILED'; Reason: string }> {
  if (event.RequestType === 'Delete') return { Status: 'SUCCESS' }
  try {
    const applied = await migrate(client, env)
    logger.info('migrations applied', { applied })
    return { Status: 'SUCCESS' }
  } catch (error) {
    logger.error('the migrations failed', error as Error)
    return { Status: 'FAILED', Reason: `the migrations failed: ${(error as Error).message}` }
  }
}

export const handler = middy(handle).use(injectLambdaContext(logger)).use(rejectPlainly(logger))
