import { CustomResource, Duration, Stack } from 'aws-cdk-lib'
import { Construct } from 'constructs'
import type { Env } from '../../functions/migrator/env.ts'
import type { Deployment } from './deployment.ts'
import { type Own, SluiceFunction } from './function.ts'
import type { LedgerDatabase } from './ledger-database.ts'

const TIMEOUT = Duration.minutes(10)

/**
 * Updates the ledger's tables and roles at each deployment that changes them. Every function that uses the ledger
 * depends on this resource. So no version of a function runs before its tables and its database role exist.
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
      // Without this timeout, CloudFormation would wait for an hour if the migrator ends without an answer.
      serviceTimeout: TIMEOUT.plus(Duration.minutes(1)),
      // CloudFormation invokes the migrator again when a property changes. The migrations are part of the migrator's
      // bundle. So a new migration changes the bundle's hash, and the migrator runs.
      properties: {
        MigratorHash: deployment.bundles.migrator.hash,
        Roles: Object.keys(ledger.roleSecrets).sort().join(),
      },
    })
    // The Data API works only when the cluster has its instance. A reference to the cluster alone would not make
    // CloudFormation wait for the instance.
    migrations.node.addDependency(ledger.cluster, this.migrator)
  }
}
