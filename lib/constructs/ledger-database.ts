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

/**
 * The port of the database. It is not the default port of Postgres, because scanners for open databases try the default
 * port first. No function connects to this port, because all statements use the RDS Data API.
 */
const PORT = 5433

/** The version of PostgreSQL. Only a deployment changes it, because automatic upgrades are off. */
const ENGINE_VERSION = '17.7'

/**
 * The CDK context key with which an operator names another minor version, if the database already has a newer version
 * than ENGINE_VERSION. Without it, the deployment would fail, because AWS refuses a downgrade.
 */
const ENGINE_VERSION_KEY = 'ledgerEngineVersion'

const SUBNETS: SubnetConfiguration = { name: 'Ledger', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 27 }

export type DataApiAction =
  | 'rds-data:ExecuteStatement'
  | 'rds-data:BeginTransaction'
  | 'rds-data:CommitTransaction'
  | 'rds-data:RollbackTransaction'

/**
 * PostgreSQL on Aurora Serverless v2. Only the RDS Data API reaches it: its subnets have no route in or out and its
 * security group has no rules. So no function needs to be in the VPC.
 *
 * The database has one instance. While AWS replaces a failed instance, results wait in the results queue, and are
 * recorded later.
 */
export class LedgerDatabase extends Construct {
  readonly cluster: DatabaseCluster
  /** The ARN of each database role's secret. A function that may read a role's secret has the rights of this role in the database. */
  readonly roleSecrets: Readonly<Partial<Record<LedgerRole, string>>>
  readonly #masterSecret: string

  constructor(scope: Construct, id: string, { roles, protect }: { roles: readonly LedgerRole[]; protect: boolean }) {
    super(scope, id)
    const vpc = this.#isolatedVpc()
    this.cluster = new DatabaseCluster(this, 'Cluster', {
      engine: DatabaseClusterEngine.auroraPostgres({ version: engineVersion(this) }),
      writer: ClusterInstance.serverlessV2('Writer', {
        publiclyAccessible: false,
        // Otherwise AWS would raise the minor version by itself. The next update of the stack would then fail, because
        // the template has the older version, and AWS refuses a downgrade.
        autoMinorVersionUpgrade: false,
      }),
      // A database without calls is paused after half an hour. A paused database needs no paid capacity. It resumes
      // within 15 to 30 seconds. During this time, nothing is lost or refused: results wait, and a request whose result
      // can't be read yet is shown as `running`.
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
      // RDS keeps the master password in a secret, and changes the password every week.
      manageMasterUserPassword: true,
      iamAuthentication: true,
      storageEncrypted: true,
      backup: { retention: Duration.days(14) },
      copyTagsToSnapshot: true,
      deletionProtection: protect,
      // When the stack is deleted, only a snapshot of the rows is kept. A whole cluster would still cost money.
      removalPolicy: RemovalPolicy.SNAPSHOT,
    })
    if (!protect)
      Validations.of(this.cluster).acknowledge({
        id: 'AwsSolutions-RDS10',
        reason:
          'For a first deployment, which can be rolled back only if its empty database can be deleted. The next deployment protects it.',
      })
    this.#masterSecret = this.#masterSecretArn()
    this.roleSecrets = Object.fromEntries(roles.map(role => [role, this.#roleSecret(role)]))
  }

  /** Returns the environment variables with which a function reaches the database. `as` is a database role, or the owner of the tables. */
  environment(as: LedgerRole | 'owner'): LedgerEnv {
    return {
      LEDGER_CLUSTER_ARN: this.cluster.clusterArn,
      LEDGER_SECRET_ARN: this.#secretOf(as),
      LEDGER_DATABASE: DATABASE,
    }
  }

  /** Lets a function use these calls to the Data API, as a database role or as the owner of the tables. */
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
      // The rules of the VPC's default security group stay. To remove them, the CDK would add a function with rights
      // over security groups. Nothing uses the default group. Its rule that allows all outgoing traffic has no effect,
      // because the subnets have no route out.
      restrictDefaultSecurityGroup: false,
    })
    const logGroup = new LogGroup(this, 'FlowLogs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    vpc.addFlowLog('FlowLog', { destination: FlowLogDestination.toCloudWatchLogs(logGroup) })
    // The cast is needed, because the CDK's types contradict each other under TypeScript's `exactOptionalPropertyTypes`.
    return vpc as IVpc
  }

  #masterSecretArn(): string {
    const { secret } = this.cluster
    if (!secret) throw new Error('the cluster manages no master password')
    return secret.secretArn
  }
}

/**
 * Returns ENGINE_VERSION, or the version that the CDK context names. Throws if the named version is older, or has
 * another major version.
 */
function engineVersion(scope: Construct): AuroraPostgresEngineVersion {
  const named: unknown = scope.node.tryGetContext(ENGINE_VERSION_KEY)
  const version = named === undefined ? ENGINE_VERSION : String(named)
  const [major = '', least = ''] = ENGINE_VERSION.split('.')
  const [, minor] = new RegExp(`^${major}\\.(\\d{1,3})$`).exec(version) ?? []
  if (minor === undefined || Number(minor) < Number(least))
    throw new Error(
      `${ENGINE_VERSION_KEY} must be ${ENGINE_VERSION} or a newer minor version of ${major}, such as ${major}.${Number(least) + 2}; it is ${version}`,
    )
  return AuroraPostgresEngineVersion.of(version, major)
}
