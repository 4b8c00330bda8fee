import type { QueueCapabilities } from './port.ts'

/** What SQS can do. The stack reads it, too, and must not load SQS's client for it. */
export const SQS_CAPABILITIES: QueueCapabilities = {
  system: 'aws_sqs',
  max_delay_seconds: 900,
  partial_failures: true,
  fair_groups: true,
}
