import type { Family } from '../../functions/core/platform/metrics/registry.ts'

/** A metric that only the local system counts. In a deployment, AWS itself counts the same values. */
export interface LocalFamily extends Family {
  /** The labels of the metric's series. */
  readonly labels: readonly string[]
  /** The metrics of AWS with the same meaning. */
  readonly on_aws: string
}

/**
 * The metrics that the local system counts itself. Their labels can only be functions and queues of the template, and status
 * codes of HTTP. So no client can make the number of series grow without limit.
 */
export const LOCAL_FAMILIES = {
  answers: {
    name: 'sluice.api_answers',
    kind: 'counter',
    unit: '{answer}',
    description: 'Answers of the API.',
    labels: ['status'],
    on_aws: '`Count`, `4xx` and `5xx` of `AWS/ApiGateway`',
  },
  invocations: {
    name: 'sluice.function_invocations',
    kind: 'counter',
    unit: '{invocation}',
    description: 'Invocations of a function that have ended.',
    labels: ['service'],
    on_aws: '`Invocations` of `AWS/Lambda`',
  },
  errors: {
    name: 'sluice.function_errors',
    kind: 'counter',
    unit: '{invocation}',
    description: 'Invocations of a function that have failed.',
    labels: ['service'],
    on_aws: '`Errors` of `AWS/Lambda`',
  },
  received: {
    name: 'sluice.queue_received_messages',
    kind: 'counter',
    unit: '{message}',
    description: 'Messages that a function has received from a queue.',
    labels: ['queue'],
    on_aws: '`NumberOfMessagesReceived` of `AWS/SQS`',
  },
  waiting: {
    name: 'sluice.queue_messages',
    kind: 'gauge',
    unit: '{message}',
    description: 'Messages of a queue that can be received now.',
    labels: ['queue'],
    on_aws: '`ApproximateNumberOfMessagesVisible` of `AWS/SQS`',
  },
  oldest: {
    name: 'sluice.queue_oldest_message',
    kind: 'gauge',
    unit: 's',
    description: 'The age of the oldest message of a queue. Absent with RabbitMQ, which does not report the age.',
    labels: ['queue'],
    on_aws: '`ApproximateAgeOfOldestMessage` of `AWS/SQS`',
  },
} as const satisfies Readonly<Record<string, LocalFamily>>
