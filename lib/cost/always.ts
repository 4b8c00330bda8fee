import { rabbitMqOf } from '../config/queue-schema.ts'
import type { Pipeline } from '../config/schema.ts'
import {
  BILLED_SECONDS,
  BYTES,
  HOURS_PER_MONTH,
  IDLE_POLLS_PER_MONTH,
  LEAST_CAPACITY,
  LEAST_INSTANCES,
  PAUSE_AFTER_HOURS,
  RETENTION_RUNS_PER_MONTH,
  SWEEPS_PER_MONTH,
} from './assumptions.ts'
import type { Inventory } from './inventory.ts'
import { type Item, item } from './item.ts'
import { PRICES } from './prices.ts'

/** Returns the items that a deployment costs per month without traffic. `brokerItems` has the cost of a broker. */
export function alwaysItems(pipeline: Pipeline, inventory: Inventory): Item[] {
  const runs = RETENTION_RUNS_PER_MONTH
  const polled = inventory.mappings.filter(({ isPolled }) => isPolled).length
  // With a broker, the sweeper publishes a metric per queue in each run, even without traffic. With SQS, it publishes
  // metrics and log lines only when it repairs something, so no cost is counted.
  const watched = rabbitMqOf(pipeline.queue) ? inventory.watchedQueues : 0
  return [
    item('CloudWatch', 'alarms', inventory.alarmMetrics, PRICES.alarmMetric),
    item('CloudWatch', 'dashboard', inventory.dashboards, PRICES.dashboard),
    item('Secrets Manager', 'secrets of the database', inventory.secrets, PRICES.secret),
    ...(polled > 0 ? [item('SQS', 'polling of idle queues', polled * IDLE_POLLS_PER_MONTH, PRICES.sqsCall)] : []),
    ...(watched > 0
      ? [
          item('CloudWatch', 'custom metrics of the queues of the broker', watched, PRICES.customMetric),
          item(
            'CloudWatch',
            'log lines of the sweeper',
            (watched * SWEEPS_PER_MONTH * BYTES.sweeper_log) / 1e9,
            PRICES.logGb,
          ),
        ]
      : []),
    ...instanceItems(inventory),
    item('Lambda', 'sweeper: invocations', SWEEPS_PER_MONTH, PRICES.invocation),
    item('Lambda', 'sweeper: time', gbSeconds(inventory, 'sweeper', SWEEPS_PER_MONTH), PRICES.gbSecond),
    item('DynamoDB', 'sweeper: reads', SWEEPS_PER_MONTH, PRICES.readUnit),
    ...(pipeline.observability.retention.ledger === undefined
      ? []
      : [
          item('Lambda', 'deletion of old rows: time', gbSeconds(inventory, 'retention', runs), PRICES.gbSecond),
          item('Aurora', 'capacity for the deletion of old rows', runs * AWAKE_AFTER_CALL, PRICES.capacityHour),
        ]),
  ]
}

/** Returns the cost of the managed instances on which workers run. They run at all times. */
function instanceItems({ environments }: Inventory): Item[] {
  if (environments === 0) return []
  const instances = Math.max(LEAST_INSTANCES, environments)
  return [
    item('EC2', 'managed instances', instances * HOURS_PER_MONTH, PRICES.instanceHour),
    item('Lambda', 'management of the instances', instances * HOURS_PER_MONTH, PRICES.instanceFeeHour),
  ]
}

/** The capacity that a single call costs, in ACU-hours: the call resumes the database, which then runs until it pauses again. */
const AWAKE_AFTER_CALL = LEAST_CAPACITY * PAUSE_AFTER_HOURS

/** Returns the billed time of a function, in GB-seconds. `service` is the name of the function. */
export const gbSeconds = ({ memory }: Inventory, service: keyof typeof BILLED_SECONDS, invocations: number): number =>
  (invocations * BILLED_SECONDS[service] * (memory[service] ?? 0)) / 1_024
