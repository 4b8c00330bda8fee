import { CustomResource, Duration, Stack } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Env } from '../../functions/migrator/env.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { LedgerDatabase } from './ledger-database.ts'

const TIMEOUT = Duration.minutes(10)

/**
 * Updates the ledger's tables and roles at each deployment that changes them. Every function that uses the ledger
 * depends on this resource. So no function runs before its tables and its role exist.
 */
export class LedgerMigrations extends Construct {
  readonly migrator: SluiceFunction

  constructor(scope: Construct, id: string, props: { deployment: Deployment; ledger: LedgerDatabase }) {
    super(scope, id)
    const { deployment, ledger } = props
    this.migrator = new SluiceFunction(this, 'Migrator', {
      deployment,
      entryPoint: 'migrator',
      environment: {
        ...ledger.environment('owner'),
        LEDGER_ROLE_SECRETS: Stack.of(this).toJsonString(ledger.roleSecrets),
      } satisfies Own<Env>,
      timeout: TIMEOUT,
    })
    ledger.allow(
      this.migrator,
      'owner',
      'rds-data:ExecuteStatement',
      'rds-data:BeginTransaction',
      'rds-data:CommitTransaction',
      'rds-data:RollbackTransaction',
    )
    // The migrator sets the passwords of the roles, so it reads their secrets.
    this.migrator.allow(['secretsmanager:GetSecretValue'], Object.values(ledger.roleSecrets))
    const migrations = new CustomResource(this, 'Migrations', {
      resourceType: 'Custom::LedgerMigrations',
      serviceToken: this.migrator.lambda.functionArn,
      // Without this, CloudFormation would wait an hour for a migrator that can't answer.
      serviceTimeout: TIMEOUT.plus(Duration.minutes(1)),
      // CloudFormation runs the resource again when a property changes. The migrations are part of the bundle, so its hash changes with them.
      properties: {
        MigratorHash: deployment.bundles.migrator.hash,
        Roles: Object.keys(ledger.roleSecrets).sort().join(),
      },
    })
    // The Data API needs the instance. A reference to the cluster alone would not wait for it.
    migrations.node.addDependency(ledger.cluster, this.migrator)
  }
}
