import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda'
import { answerCloudFormation } from '../core/platform/answer-cloudformation.ts'
import { lambdaHandler } from '../core/platform/lambda-handler.ts'
import { compose } from './compose.ts'
import { declare } from './declare.ts'
import { Env } from './env.ts'
import { Operation, type Performed } from './operation.ts'
import { perform } from './perform.ts'

const ports = compose(Env.parse(process.env))

/** CloudFormation is answered in this time, and one more try to declare fits in before. Milliseconds. */
const ANSWER_MS = 60_000

/** The custom resource that declares the queues, at each deployment that changes them. */
const declareQueues = lambdaHandler(ports, async (_, event: CloudFormationCustomResourceEvent, context) => {
  const giveUpAt = ports.clock() + context.getRemainingTimeInMillis() - ANSWER_MS
  await answerCloudFormation(event.ResponseURL, {
    ...(await declare(ports, event, giveUpAt)),
    StackId: event.StackId,
    RequestId: event.RequestId,
    LogicalResourceId: event.LogicalResourceId,
    PhysicalResourceId: 'queues',
  })
  return undefined
})

const operate = lambdaHandler(ports, (_, event: Operation): Promise<Performed> => perform(ports, event))

/** Declares queues for CloudFormation, or performs an operation for an operator. */
export const handler = (
  event: CloudFormationCustomResourceEvent | Operation,
  context: Context,
): Promise<Performed | undefined> =>
  'ResponseURL' in event ? declareQueues(event, context) : operate(Operation.parse(event), context)
