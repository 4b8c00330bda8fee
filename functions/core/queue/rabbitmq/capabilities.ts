import type { QueueCapabilities } from '../port.ts'

/**
 * The abilities of RabbitMQ's queues. The longest delay is that of SQS, so that no other code depends on the backend.
 */
export const RABBITMQ_CAPABILITIES: QueueCapabilities = {
  system: 'rabbitmq',
  max_delay_seconds: 900,
  partial_failures: false,
  fair_groups: false,
}

/** The most bytes of a message. It is SQS's limit, and the broker of a deployment refuses more. Amazon MQ takes half of it by default. */
export const MAX_MESSAGE_BYTES = 1_048_576
