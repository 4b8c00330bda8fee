import { CustomResource, Duration, Stack } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Env } from '../../functions/migrator/env.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { LedgerDatabase } from './ledger-database.ts'

const TIMEOUT = Duration.minutes(10)

/**
 * Brings the ledger's tables and roles to what the code expects, at each deployment that changes them. What reads or writes
 * the ledger depends on this, so that no function meets tables older than itself, or is a role that is not there yet.
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
    // It sets their passwords.
    this.migrator.allow(['secretsmanager:GetSecretValue'], Object.values(ledger.roleSecrets))
    const migrations = new CustomResource(this, 'Migrations', {
      resourceType: 'Custom::LedgerMigrations',
      serviceToken: this.migrator.lambda.functionArn,
      // CloudFormation's hour would pass before a migrator that could not answer is given up.
      serviceTimeout: TIMEOUT.plus(Duration.minutes(1)),
      // The migrations are part of the bundle; CloudFormation runs the resource again when a property has changed.
      properties: {
        MigratorHash: deployment.bundles.migrator.hash,
        Roles: Object.keys(ledger.roleSecrets).sort().join(),
      },
    })
    // The Data API needs the instance, which the migrator's own references to the cluster do not wait for.
    migrations.node.addDependency(ledger.cluster, this.migrator)
  }
}
