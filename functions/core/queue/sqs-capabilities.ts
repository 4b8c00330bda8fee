import type { QueueCapabilities } from './port.ts'

/**
 * The abilities of SQS. They are in a separate file, so that the stack can read them without loading the client of SQS.
 */
export const SQS_CAPABILITIES: QueueCapabilities = {
  system: 'aws_sqs',
  max_delay_seconds: 900,
  partial_failures: true,
  fair_groups: true,
}
