import { CfnOutput, CustomResource, Duration, Stack } from 'aws-cdk-lib'
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'
import type { Settings } from '../../functions/broker/settings.ts'
import { ALARM_PERIOD } from './alarms.ts'
import type { Deployment } from './deployment.ts'
import { SluiceFunction } from './function.ts'
import type { RabbitMqQueues } from './rabbitmq-queues.ts'

/**
 * The longest time of a declaration. A declaration takes seconds, but it is repeated for most of this time, because a
 * new broker's name is known in the VPC only after a while.
 */
const DECLARE_TIMEOUT = Duration.minutes(5)

/** The time that a move has in addition to the longest call of the models, to send the messages. Seconds. */
const MOVE_MARGIN_S = 30
/** Lambda's longest timeout. Seconds. */
const MAX_TIMEOUT_S = 900

/**
 * Declares the queues on the broker at each deployment that changes them, moves messages out of bulk queues, and
 * performs an operator's commands on the private broker. The queues are declared after the broker exists, and before
 * any function takes messages from them or sends messages to them.
 */
export class QueueDeclarations extends Construct {
  readonly declared: CustomResource

  constructor(
    scope: Construct,
    id: string,
    { deployment, queues }: { deployment: Deployment; queues: RabbitMqQueues },
  ) {
    super(scope, id)
    const fn = new SluiceFunction(this, 'Function', {
      deployment,
      entryPoint: 'broker',
      settings: { longest_call_ms: queues.longestCalls() } satisfies Settings,
      environment: {},
      queues,
      timeout: timeoutFor(queues),
    })
    queues.allowSending(fn)
    const [requests] = deployment.pipeline.inputs ?? []
    this.declared = new CustomResource(this, 'Queues', {
      resourceType: 'Custom::Queues',
      serviceToken: fn.lambda.functionArn,
      serviceTimeout: DECLARE_TIMEOUT.plus(Duration.minutes(1)),
      properties: {
        // A replaced broker has no queues.
        Broker: queues.broker.arn,
        Queues: queues.declarations.map(({ name, deadLetters }) => ({
          Name: name,
          ...(deadLetters !== undefined && { DeadLetters: deadLetters }),
        })),
        ...(requests && { Requests: requests.queue }),
      },
    })
    this.declared.node.addDependency(fn)
    queues.feedFromBulk(this, fn)
    watch(this, deployment, fn)
    for (const mapping of queues.mappings) mapping.node.addDependency(this.declared)
    new CfnOutput(Stack.of(this), 'BrokerFunction', { value: fn.lambda.functionName })
  }
}

/**
 * Adds the alarm on failed moves. Lambda repeats a failed or throttled move. Declarations and operations return their
 * failures as answers, so they are not counted.
 */
function watch(scope: Construct, { alarms }: Deployment, mover: SluiceFunction): void {
  alarms.add(scope, 'MoverAlarm', {
    metric: new MathExpression({
      expression: 'FILL(errors, 0) + FILL(throttles, 0)',
      usingMetrics: { errors: mover.lambda.metricErrors(), throttles: mover.lambda.metricThrottles() },
      period: ALARM_PERIOD,
      label: 'failed moves',
    }),
    threshold: 1,
    periods: 3,
    description:
      'Messages of users with many open requests are not moved out of their bulk queues: the function broker fails or is throttled. It takes three periods of 5 minutes, since Lambda tries again.',
    runbook: 'bulk-messages-are-not-moved',
  })
}

/**
 * Returns the timeout of the mover. A message of a bulk queue may wait for the longest call of its model before it
 * moves. With the longest calls that Lambda allows, the mover ends earlier, and moves the messages at that time.
 */
function timeoutFor(queues: RabbitMqQueues): Duration {
  const longest = Math.ceil(Math.max(...Object.values(queues.longestCalls())) / 1_000) + MOVE_MARGIN_S
  return Duration.seconds(Math.min(Math.max(DECLARE_TIMEOUT.toSeconds(), longest), MAX_TIMEOUT_S))
}
