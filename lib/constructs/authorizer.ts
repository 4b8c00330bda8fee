import { Duration } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Env } from '../../functions/authorizer/env.ts'
import { ALARM_PERIOD } from './alarms.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { Tables } from './tables.ts'

/** Finds the user of an API key and the limits of that user. */
export class Authorizer extends Construct {
  readonly handler: SluiceFunction

  constructor(scope: Construct, id: string, { deployment, tables }: { deployment: Deployment; tables: Tables }) {
    super(scope, id)
    this.handler = new SluiceFunction(this, 'Function', {
      deployment,
      entryPoint: 'authorizer',
      environment: { KEYS_TABLE: tables.keys.tableName, USERS_TABLE: tables.users.tableName } satisfies Own<Env>,
      timeout: Duration.seconds(10),
    })
    this.handler.allow(['dynamodb:GetItem'], [tables.keys.tableArn, tables.users.tableArn])
    deployment.alarms.add(this, 'ErrorsAlarm', {
      metric: this.handler.lambda.metricErrors({ period: ALARM_PERIOD }),
      threshold: 1,
      description:
        'The authorizer fails, so it cannot check keys. Each error refuses a call of a client. A wrong key is not such an error.',
      runbook: 'keys-are-not-checked',
    })
  }
}
