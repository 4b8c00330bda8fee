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
 * The port of the database. It is not the default port of Postgres, which every scanner tries first. No client connects
 * to it, because all statements use the Data API.
 */
const PORT = 5433

/** The engine's version. Only the template changes it. */
const ENGINE_VERSION = '17.7'

/** The context key that names another minor version, for a database that already has a newer one. */
const ENGINE_VERSION_KEY = 'ledgerEngineVersion'

const SUBNETS: SubnetConfiguration = { name: 'Ledger', subnetType: SubnetType.PRIVATE_ISOLATED, cidrMask: 27 }

export type DataApiAction =
  | 'rds-data:ExecuteStatement'
  | 'rds-data:BeginTransaction'
  | 'rds-data:CommitTransaction'
  | 'rds-data:RollbackTransaction'

/**
 * PostgreSQL on Aurora Serverless v2. Only the RDS Data API reaches it: its subnets have no route in or out and its security group
 * has no rules. So no function needs to be in the VPC.
 *
 * It has one instance. While AWS replaces it, results wait in their queue and are recorded later.
 */
export class LedgerDatabase extends Construct {
  readonly cluster: DatabaseCluster
  /** The secret of each role. A function with this secret has the rights of that role in the database. */
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
      // An idle database is paused after half an hour, and then needs no capacity. It resumes within 15 to 30 seconds.
      // During this time, nothing is lost or refused: results wait, and a request whose result can't be read yet is
      // shown as `running`.
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
      // RDS keeps the master password in a secret and changes it every week.
      manageMasterUserPassword: true,
      iamAuthentication: true,
      storageEncrypted: true,
      backup: { retention: Duration.days(14) },
      copyTagsToSnapshot: true,
      deletionProtection: protect,
      // A retained cluster would still cost money. A snapshot keeps the same rows.
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

  /** Returns the variables with which a function reaches the database, as a role or as the owner of its tables. */
  environment(as: LedgerRole | 'owner'): LedgerEnv {
    return {
      LEDGER_CLUSTER_ARN: this.cluster.clusterArn,
      LEDGER_SECRET_ARN: this.#secretOf(as),
      LEDGER_DATABASE: DATABASE,
    }
  }

  /** Lets a function use these calls of the Data API, as a role or as the owner. */
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
      // To remove the rules of the default group, the CDK would add a custom resource with rights over security groups. Nothing uses
      // that group, and its open egress leads nowhere, because the subnets have no route out.
      restrictDefaultSecurityGroup: false,
    })
    const logGroup = new LogGroup(this, 'FlowLogs', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    vpc.addFlowLog('FlowLog', { destination: FlowLogDestination.toCloudWatchLogs(logGroup) })
    // The CDK's types contradict each other under exactOptionalPropertyTypes.
    return vpc as IVpc
  }

  #masterSecretArn(): string {
    const { secret } = this.cluster
    if (!secret) throw new Error('the cluster manages no master password')
    return secret.secretArn
  }
}

/**
 * Returns the version of the template, or the one that the context names. Throws if this is not a newer minor version.
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
