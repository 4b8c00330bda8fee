import type { QueueCapabilities } from '../port.ts'

/** What queues of RabbitMQ can do. The longest delay is SQS's, so that nothing else depends on the backend. */
export const RABBITMQ_CAPABILITIES: QueueCapabilities = {
  max_delay_seconds: 900,
  partial_failures: false,
  fair_groups: false,
}
