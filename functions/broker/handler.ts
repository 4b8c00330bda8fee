import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda'
import { answerCloudFormation } from '../core/platform/answer-cloudformation.ts'
import { lambdaHandler } from '../core/platform/lambda-handler.ts'
import { readSettings } from '../core/platform/settings.ts'
import { compose } from './compose.ts'
import { declare } from './declare.ts'
import { Env } from './env.ts'
import { Operation, type Performed } from './operation.ts'
import { perform } from './perform.ts'
import { Settings } from './settings.ts'

const ports = compose(Env.parse(process.env), readSettings(Settings))

/** The time that is kept for the answer to CloudFormation and for one last try to declare the queues. Milliseconds. */
const ANSWER_MS = 60_000

/**
 * The longest time of a declaration, in milliseconds. The function may run longer when it moves messages, but a
 * declaration must fail before CloudFormation stops waiting for it, so that the deployment shows the reason.
 */
const DECLARE_MS = 300_000

/**
 * Handles the custom resource that declares the queues. CloudFormation calls it at each deployment that changes the
 * queues.
 */
const declareQueues = lambdaHandler(ports, async (_, event: CloudFormationCustomResourceEvent, context) => {
  const giveUpAt = ports.clock() + Math.min(DECLARE_MS, context.getRemainingTimeInMillis()) - ANSWER_MS
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

/** The time that is kept for the last try to move a message, until the broker confirms the message. Milliseconds. */
const MOVE_MS = 20_000

const move = lambdaHandler(ports, async (_, event: BulkEvent, context) => {
  await ports.moveBulk(event, ports.clock() + context.getRemainingTimeInMillis() - MOVE_MS)
  return undefined
})

interface BulkEvent {
  readonly rmqMessagesByQueue: unknown
}

/** Declares queues for CloudFormation, moves messages of a bulk queue, or performs an operation for an operator. */
export const handler = (
  event: CloudFormationCustomResourceEvent | BulkEvent | Operation,
  context: Context,
): Promise<Performed | undefined> => {
  if ('ResponseURL' in event) return declareQueues(event, context)
  return 'rmqMessagesByQueue' in event ? move(event, context) : operate(Operation.parse(event), context)
}
