import { CfnOutput, CustomResource, Duration, Stack } from 'aws-cdk-lib'
import { MathExpression } from 'aws-cdk-lib/aws-cloudwatch'
import { Construct } from 'constructs'
import type { Settings } from '../../functions/broker/settings.ts'
import { ALARM_PERIOD } from './alarms.ts'
import type { Deployment } from './deployment.ts'
import { SluiceFunction } from './function.ts'
import type { RabbitMqQueues } from './rabbitmq-queues.ts'

/**
 * The longest time in which the queues must be declared on the broker. One try takes seconds. Failed tries are repeated
 * for most of this time, because the DNS of the VPC can resolve the name of a new broker only after a while.
 */
const DECLARE_TIMEOUT = Duration.minutes(5)

/**
 * The time that the function has to move messages out of a bulk queue (a queue for messages of users with many open
 * requests), after it has waited for the longest call to the models. Seconds.
 */
const MOVE_MARGIN_S = 30
/** Lambda's longest timeout. Seconds. */
const MAX_TIMEOUT_S = 900

/**
 * The function that works on the private broker. It has three tasks. At each deployment that changes the queues, it
 * declares them. It moves messages out of bulk queues, in which messages of users with many open requests wait. It also
 * performs an operator's commands. The queues are declared after the broker exists, and before any function takes
 * messages from them or sends messages to them.
 */
export class QueueDeclarations extends Construct {
  readonly declared: CustomResource

  constructor(
    scope: Construct,
    id: string,
    { deployment, queues }: { deployment: Deployment; queues: RabbitMqQueues },
  ) {
    super(scope, id)
    const { inputs = [] } = deployment.pipeline
    const fn = new SluiceFunction(this, 'Function', {
      deployment,
      entryPoint: 'broker',
      settings: {
        longest_call_ms: queues.longestCalls(),
        inputs: inputs.map(({ queue }) => queue),
      } satisfies Settings,
      environment: {},
      queues,
      timeout: timeoutFor(queues),
    })
    queues.allowSending(fn)
    const [requests] = inputs
    this.declared = new CustomResource(this, 'Queues', {
      resourceType: 'Custom::Queues',
      serviceToken: fn.lambda.functionArn,
      serviceTimeout: DECLARE_TIMEOUT.plus(Duration.minutes(1)),
      properties: {
        // A new broker has no queues. So if the broker is replaced, this property changes, and the queues are declared again.
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
 * Adds the alarm on failed moves. A move takes messages out of a bulk queue. Lambda repeats a failed or throttled move,
 * so single failures start no alarm. For failed declarations and commands, the function returns an answer and does not
 * fail, so the alarm does not count them.
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
      'Messages of users with many open requests stay in their bulk queues, because the function broker fails or is throttled. The alarm starts after 15 minutes, because Lambda tries again.',
    runbook: 'bulk-messages-are-not-moved',
  })
}

/**
 * Returns the timeout of the function that moves messages out of bulk queues. Before the function moves a message, it
 * may wait for as long as the longest call of the message's model. So it does not move one batch after the other during a
 * slow call, and another user's only request does not wait behind all of them. If this time and the margin exceed Lambda's
 * longest timeout, the function waits for a shorter time, and then moves the messages.
 */
function timeoutFor(queues: RabbitMqQueues): Duration {
  const longest = Math.ceil(Math.max(...Object.values(queues.longestCalls())) / 1_000) + MOVE_MARGIN_S
  return Duration.seconds(Math.min(Math.max(DECLARE_TIMEOUT.toSeconds(), longest), MAX_TIMEOUT_S))
}
