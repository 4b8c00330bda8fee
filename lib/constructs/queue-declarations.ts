import { CfnOutput, CustomResource, Duration, Stack } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Deployment } from './deployment.ts'
import { SluiceFunction } from './function.ts'
import type { RabbitMqQueues } from './rabbitmq-queues.ts'

/** A declaration takes seconds. It is repeated for the most part of this time, since a new broker's name is known in the VPC only after a while. */
const TIMEOUT = Duration.minutes(5)

/**
 * Declares the queues on the broker at each deployment that changes them, moves messages out of bulk queues, and performs an operator's
 * commands on the private broker. The
 * queues are declared after the broker is there, and before anything takes messages from them or sends messages to them.
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
      environment: {},
      queues,
      timeout: TIMEOUT,
    })
    queues.allowSending(fn)
    const [requests] = deployment.pipeline.inputs ?? []
    this.declared = new CustomResource(this, 'Queues', {
      resourceType: 'Custom::Queues',
      serviceToken: fn.lambda.functionArn,
      serviceTimeout: TIMEOUT.plus(Duration.minutes(1)),
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
    for (const mapping of queues.mappings) mapping.node.addDependency(this.declared)
    new CfnOutput(Stack.of(this), 'BrokerFunction', { value: fn.lambda.functionName })
  }
}
