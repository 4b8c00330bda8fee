import type { QueueCapabilities } from '../port.ts'

/**
 * The abilities of RabbitMQ's queues. The longest delay is that of SQS, so that all other code behaves in the same way
 * with both backends.
 */
export const RABBITMQ_CAPABILITIES: QueueCapabilities = {
  system: 'rabbitmq',
  max_delay_seconds: 900,
  partial_failures: false,
  fair_groups: false,
}

/**
 * The most bytes of a message. The number is SQS's limit. The broker of a deployment is configured to accept this
 * number and to refuse larger messages, because Amazon MQ accepts only half of this number by default.
 */
export const MAX_MESSAGE_BYTES = 1_048_576
