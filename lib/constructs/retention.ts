import { Duration } from 'aws-cdk-lib'
import { Rule, Schedule } from 'aws-cdk-lib/aws-events'
import { LambdaFunction } from 'aws-cdk-lib/aws-events-targets'
import { Construct } from 'constructs'
import type { Env } from '../../functions/retention/env.ts'
import type { Settings } from '../../functions/retention/settings.ts'
import { ALARM_PERIOD } from './alarms.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { LedgerDatabase } from './ledger-database.ts'

/** The time between two runs. Each run resumes a paused database, which costs money. So the function does not run more often. */
const INTERVAL = Duration.days(1)

/**
 * Deletes rows and dead letters of the ledger that are older than `observability.retention.ledger`. If pipeline.yaml
 * does not have this key, the stack does not have this function.
 */
export class Retention extends Construct {
  readonly handler: SluiceFunction

  constructor(
    scope: Construct,
    id: string,
    { deployment, ledger }: { deployment: Deployment; ledger: LedgerDatabase },
  ) {
    super(scope, id)
    const { ledger: ledgerMs } = deployment.pipeline.observability.retention
    if (ledgerMs === undefined) throw new Error('observability.retention.ledger is not set')
    this.handler = new SluiceFunction(this, 'Function', {
      deployment,
      entryPoint: 'retention',
      settings: { ledger_ms: ledgerMs } satisfies Settings,
      environment: ledger.environment('retention') satisfies Own<Env>,
      timeout: Duration.minutes(5),
    })
    ledger.allow(this.handler, 'retention', 'rds-data:ExecuteStatement')
    // Lambda does not retry a failed run, because the next day's run deletes the rows that are left.
    this.handler.lambda.configureAsyncInvoke({ retryAttempts: 0 })
    new Rule(this, 'Schedule', {
      description: 'Deletes rows of the ledger that are older than pipeline.yaml keeps them.',
      schedule: Schedule.rate(INTERVAL),
      targets: [new LambdaFunction(this.handler.lambda)],
    })
    deployment.alarms.add(this, 'ErrorsAlarm', {
      metric: this.handler.lambda.metricErrors({ period: ALARM_PERIOD }),
      threshold: 1,
      description:
        'Old rows were not deleted, so they are kept for longer than pipeline.yaml says. A single failure starts the alarm, because the function runs only once a day.',
      runbook: 'rows-are-not-deleted',
    })
  }
}
