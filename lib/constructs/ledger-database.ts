import { Duration, RemovalPolicy, Validations } from 'aws-cdk-lib'
import {
  FlowLogDestination,
  IpAddresses,
  type IVpc,
  SecurityGroup,
  type SubnetConfiguration,
  SubnetType,
  Vpc,
} from 'aws-cdk-lib/aws-ec2'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import {
  AuroraPostgresEngineVersion,
  ClusterInstance,
  DatabaseCluster,
  DatabaseClusterEngine,
} from 'aws-cdk-lib/aws-rds'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import type { LedgerEnv } from '../../functions/core/platform/env.ts'
import { type LedgerRole, roleName } from '../../functions/core/stores/ledger/roles.ts'
import type { SluiceFunction } from './function.ts'

const DATABASE = 'sluice'

/** Not Postgres's own, which every scanner tries first; nothing dials it, since all statements come by the Data API. */
const PORT = 5433

const SUBNETS: SubnetConfiguration = { name: 'Ledger', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 27 }

export type DataApiAction =
  | 'rds-data:ExecuteStatement'
  | 'rds-data:BeginTransaction'
  | 'rds-data:CommitTransaction'
  | 'rds-data:RollbackTransaction'

/**
 * PostgreSQL on Aurora Serverless v2, reached by the RDS Data API only: its subnets have no way out or in, its security
 * group no rule, and so no function needs to be in the VPC.
 *
 * One instance: while it is replaced, results wait in their queue, which costs nothing but time.
 */
export class LedgerDatabase extends Construct {
  readonly cluster: DatabaseCluster
  /** The secret of each role, by which a function reaches the database with that role's rights. */
  readonly roleSecrets: Readonly<Partial<Record<LedgerRole, string>>>
  readonly #masterSecret: string

  constructor(scope: Construct, id: string, { roles }: { roles: readonly LedgerRole[] }) {
    super(scope, id)
    const vpc = this.#isolatedVpc()
    this.cluster = new DatabaseCluster(this, 'Cluster', {
      engine: DatabaseClusterEngine.auroraPostgres({ version: AuroraPostgresEngineVersion.VER_17_7 }),
      writer: ClusterInstance.serverlessV2('Writer', { publiclyAccessible: false }),
      // An idle deployment costs no capacity: after half an hour it is paused, and resumed within 15 to 30 seconds. Nothing
      // is lost or refused meanwhile: results wait, and a request whose result can't be read yet is still `running`.
      serverlessV2MinCapacity: 0,
      serverlessV2AutoPauseDuration: Duration.minutes(30),
      serverlessV2MaxCapacity: 8,
      vpc,
      vpcSubnets: { subnetType: SubnetType.PRIVATE_ISOLATED },
      securityGroups: [
        new SecurityGroup(this, 'Access', {
          vpc,
          description: 'The ledger: nothing in, nothing out.',
          allowAllOutbound: false,
        }),
      ],
      port: PORT,
      defaultDatabaseName: DATABASE,
      enableDataApi: true,
      // RDS keeps the password in a secret and rotates it every week.
      manageMasterUserPassword: true,
      iamAuthentication: true,
      storageEncrypted: true,
      backup: { retention: Duration.days(14) },
      copyTagsToSnapshot: true,
      deletionProtection: true,
      // Retained, the cluster would go on costing; a snapshot keeps the same rows.
      removalPolicy: RemovalPolicy.SNAPSHOT,
    })
    this.#masterSecret = this.#masterSecretArn()
    this.roleSecrets = Object.fromEntries(roles.map(role => [role, this.#roleSecret(role)]))
  }

  /** What a function needs to know to reach it, as a role or as the owner of its tables. */
  environment(as: LedgerRole | 'owner'): LedgerEnv {
    return {
      LEDGER_CLUSTER_ARN: this.cluster.clusterArn,
      LEDGER_SECRET_ARN: this.#secretOf(as),
      LEDGER_DATABASE: DATABASE,
    }
  }

  /** Lets a function run statements as a role, or as the owner, with these calls of the Data API. */
  allow(fn: SluiceFunction, as: LedgerRole | 'owner', ...actions: DataApiAction[]): void {
    fn.allow(actions, [this.cluster.clusterArn])
    fn.allow(['secretsmanager:GetSecretValue'], [this.#secretOf(as)])
  }

  #secretOf(as: LedgerRole | 'owner'): string {
    const arn = as === 'owner' ? this.#masterSecret : this.roleSecrets[as]
    if (arn === undefined) throw new Error(`the ledger has no role ${as}`)
    return arn
  }

  #roleSecret(role: LedgerRole): string {
    const secret = new Secret(this, `Secret-${role}`, {
      description: `The ledger's role ${roleName(role)}.`,
      generateSecretString: {
        secretStringTemplate: JSON.stringify({ username: roleName(role) }),
        generateStringKey: 'password',
        passwordLength: 40,
        excludePunctuation: true,
      },
    })
    Validations.of(secret).acknowledge({
      id: 'AwsSolutions-SMG4',
      reason:
        'Rotation takes a function in a VPC with a way to Secrets Manager; this network has no way out, and nothing but the ' +
        'Data API reaches the database. The runbook says how to change the password.',
    })
    return secret.secretArn
  }

  #isolatedVpc(): IVpc {
    const vpc = new Vpc(this, 'Vpc', {
      ipAddresses: IpAddresses.cidr('10.0.0.0/24'),
      maxAzs: 2,
      natGateways: 0,
      subnetConfiguration: [SUBNETS],
      // Emptying the default group takes a custom resource with rights over security groups. Nothing is in that group, and
      // its open egress leads nowhere: the subnets have no route out.
      restrictDefaultSecurityGroup: false,
    })
    const logGroup = new LogGroup(this, 'FlowLogs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    vpc.addFlowLog('FlowLog', { destination: FlowLogDestination.toCloudWatchLogs(logGroup) })
    // The CDK's own types do not agree with each other under exactOptionalPropertyTypes.
    return vpc as IVpc
  }

  #masterSecretArn(): string {
    const { secret } = this.cluster
    if (!secret) throw new Error('the cluster manages no master password')
    return secret.secretArn
  }
}
