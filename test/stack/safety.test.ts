import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Queue } from 'aws-cdk-lib/aws-sqs'
import { describe, expect, it } from 'vitest'
import { parsePipeline } from '../../lib/config/load.ts'
import { SluiceStack } from '../../lib/sluice-stack.ts'
import { createApp } from '../../lib/synthesize.ts'
import { functionOf, grantsOf, ofType, only, outputOf, render, variablesOf } from './queries.ts'
import { PIPELINE, STUB_BUNDLES, synthesizeText } from './synthesized.ts'

const { template, terminationProtection } = synthesizeText(PIPELINE)
const { template: kept } = synthesizeText(
  PIPELINE.replace('store_prompts: false,', 'store_prompts: false, retention: { ledger: 90d, payloads: 30d },'),
)

const CLUSTER = 'arn:<AWS::Partition>:rds:<AWS::Region>:<AWS::AccountId>:cluster:<StateLedgerCluster>'
const MASTER_SECRET = 'secretsmanager:GetSecretValue <StateLedgerCluster.MasterUserSecret.SecretArn>'
const secretOf = (role: string) => `secretsmanager:GetSecretValue <StateLedgerSecret${role}>`
const OBJECTS = '<StatePayloadsBucket.Arn>/*'
/** The right to list the bucket. A function that reads objects has it, since S3 otherwise reports a missing object as access denied. */
const LIST = 's3:ListBucket <StatePayloadsBucket.Arn>'
const each = (actions: string[], resources: string[]) =>
  actions.flatMap(action => resources.map(name => `${action} <${name}.Arn>`))
const logs = (name: string) => each(['logs:CreateLogStream', 'logs:PutLogEvents'], [name])
const consume = (...queues: string[]) =>
  each(['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:ChangeMessageVisibility', 'sqs:GetQueueAttributes'], queues)

const workerGrants = (model: string) => {
  const queues = [`Model${model}HighQueue`, `Model${model}NormalQueue`]
  return [
    ...logs(`Model${model}WorkerLogs`),
    ...each(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], ['StateTablesRequests']),
    ...each(['dynamodb:GetItem', 'dynamodb:UpdateItem'], ['StateTablesQuota']),
    ...each(['dynamodb:GetItem', 'dynamodb:PutItem'], ['StateTablesModels']),
    ...each(['sqs:SendMessage'], [...queues, 'ResultsWorkQueue']),
    ...consume(...queues),
    `s3:DeleteObject ${OBJECTS}`,
    `s3:GetObject ${OBJECTS}`,
    LIST,
    `s3:PutObject ${OBJECTS}`,
  ]
}

describe('the rights of each function are exactly those that it needs', () => {
  it.each<[string, string[]]>([
    [
      'authorizer',
      [...logs('AuthorizerFunctionLogs'), ...each(['dynamodb:GetItem'], ['StateTablesKeys', 'StateTablesUsers'])],
    ],
    [
      'gateway',
      [
        ...logs('GatewayFunctionLogs'),
        ...each(
          ['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'],
          ['StateTablesRequests', 'StateTablesQuota'],
        ),
        ...each(
          ['sqs:SendMessage'],
          ['ModeltextHighQueue', 'ModeltextNormalQueue', 'ModelimageHighQueue', 'ModelimageNormalQueue'],
        ),
        ...each(['sqs:SendMessage'], ['ResultsWorkQueue']),
        `rds-data:ExecuteStatement ${CLUSTER}`,
        secretOf('gateway'),
        `s3:DeleteObject ${OBJECTS}`,
        `s3:GetObject ${OBJECTS}`,
        LIST,
        `s3:PutObject ${OBJECTS}`,
      ],
    ],
    [
      'reader',
      [
        ...logs('ReaderFunctionLogs'),
        ...each(['dynamodb:GetItem', 'dynamodb:UpdateItem'], ['StateTablesRequests', 'StateTablesQuota']),
        ...each(['dynamodb:Query'], ['StateTablesRequests']),
        ...each(['sqs:SendMessage'], ['ResultsWorkQueue']),
        `rds-data:ExecuteStatement ${CLUSTER}`,
        secretOf('reader'),
        `s3:DeleteObject ${OBJECTS}`,
        `s3:GetObject ${OBJECTS}`,
        LIST,
      ],
    ],
    ['worker-text', workerGrants('text')],
    [
      'worker-image',
      [
        ...workerGrants('image'),
        'secretsmanager:GetSecretValue arn:<AWS::Partition>:secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:prod/IMAGE_KEY-??????',
      ],
    ],
    [
      'collector',
      [
        ...logs('ResultsCollectorLogs'),
        ...each(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], ['StateTablesRequests']),
        ...each(['dynamodb:GetItem', 'dynamodb:UpdateItem'], ['StateTablesQuota']),
        ...each(['sqs:SendMessage'], ['ResultsWorkQueue']),
        ...consume('ResultsWorkQueue', 'ResultsGivenUpQueue'),
        `rds-data:ExecuteStatement ${CLUSTER}`,
        secretOf('collector'),
        `s3:DeleteObject ${OBJECTS}`,
      ],
    ],
    [
      'sweeper',
      [
        ...logs('SweeperFunctionLogs'),
        ...each(['dynamodb:GetItem', 'dynamodb:PutItem', 'dynamodb:UpdateItem'], ['StateTablesRequests']),
        ...each(['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:UpdateItem'], ['StateTablesQuota']),
        'dynamodb:Scan <StateTablesQuota.Arn>/index/watched',
        ...each(['sqs:SendMessage'], ['ResultsWorkQueue']),
        `s3:DeleteObject ${OBJECTS}`,
      ],
    ],
    [
      'migrator',
      [
        ...logs('LedgerMigratorLogs'),
        ...['Execute', 'Begin', 'Commit', 'Rollback'].map(
          verb => `rds-data:${verb}${verb === 'Execute' ? 'Statement' : 'Transaction'} ${CLUSTER}`,
        ),
        MASTER_SECRET,
        ...['collector', 'reader', 'gateway', 'operator'].map(secretOf),
      ],
    ],
  ])('%s', (service, expected) => {
    expect(grantsOf(template, functionOf(template, service))).toEqual(expected.sort())
  })

  it('no role has a managed policy, which could give a function more rights', () => {
    for (const { Properties } of ofType(template, 'AWS::IAM::Role'))
      expect(Properties.ManagedPolicyArns).toBeUndefined()
  })
})

it('Lambda does not repeat a failed run of the sweeper, so no repetition runs at the same time as the sweeper’s next run', () => {
  expect(ofType(template, 'AWS::Lambda::EventInvokeConfig').map(({ Properties }) => Properties)).toEqual([
    {
      FunctionName: { Ref: functionOf(template, 'sweeper').id },
      MaximumRetryAttempts: 0,
      Qualifier: '$LATEST',
    },
  ])
})

describe('stateful resources', () => {
  it('are protected: the stack has termination protection, so nobody deletes its queues with their messages by mistake', () => {
    expect(terminationProtection).toBe(true)
  })

  it('tables are billed on demand, recoverable to the second, protected against deletion, encrypted by AWS’s own key, and kept if the stack does not have them any more', () => {
    const tables = ofType(template, 'AWS::DynamoDB::GlobalTable')
    expect(tables).toHaveLength(5)
    for (const { Properties, DeletionPolicy, UpdateReplacePolicy } of tables) {
      expect(Properties.BillingMode).toBe('PAY_PER_REQUEST')
      expect(Properties.SSESpecification).toEqual({ SSEEnabled: false })
      expect(Properties.Replicas).toEqual([
        expect.objectContaining({
          PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          DeletionProtectionEnabled: true,
        }),
      ])
      expect([DeletionPolicy, UpdateReplacePolicy]).toEqual(['RetainExceptOnCreate', 'Retain'])
    }
  })

  it.each([
    ['RequestsTable', ['user_id', 'request_id'], true],
    ['QuotaTable', ['pk'], true],
    ['KeysTable', ['key_id'], false],
    ['UsersTable', ['user_id'], false],
  ])(
    'the table of the output %s has its key attributes, and a time to live only if DynamoDB may delete its items by age',
    (output, keys, expires) => {
      const table = outputOf(template, output).Properties
      expect((table.KeySchema as { AttributeName: string }[]).map(key => key.AttributeName)).toEqual(keys)
      expect(table.TimeToLiveSpecification).toEqual(expires ? { AttributeName: 'ttl', Enabled: true } : undefined)
    },
  )

  it('the only index of a table is that of the quota table, by which the sweeper finds quota items that may have open reservations', () => {
    const indexes = ofType(template, 'AWS::DynamoDB::GlobalTable').flatMap(
      ({ Properties }) => Properties.GlobalSecondaryIndexes ?? [],
    )
    expect(indexes).toEqual([
      {
        IndexName: 'watched',
        KeySchema: [{ AttributeName: 'watched', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'KEYS_ONLY' },
      },
    ])
    expect(outputOf(template, 'QuotaTable').Properties.GlobalSecondaryIndexes).toEqual(indexes)
  })

  it('the models table has its key attribute and no time to live, and all workers use the same table', () => {
    const { MODELS_TABLE } = variablesOf(functionOf(template, 'worker-text'))
    const { Ref: id = '' } = MODELS_TABLE as { Ref?: string }
    const table = template.Resources[id]?.Properties ?? {}

    expect(table.KeySchema).toEqual([{ AttributeName: 'model', KeyType: 'HASH' }])
    expect(table.TimeToLiveSpecification).toBeUndefined()
    expect(variablesOf(functionOf(template, 'worker-image')).MODELS_TABLE).toEqual(MODELS_TABLE)
  })

  it('the payload bucket is private, encrypted and logged, and keeps payloads for longer than the tables keep the items that name them', () => {
    const bucket = outputOf(template, 'PayloadsBucket')
    expect([bucket.DeletionPolicy, bucket.UpdateReplacePolicy]).toEqual(['RetainExceptOnCreate', 'Retain'])
    expect(bucket.Properties).toMatchObject({
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
      LoggingConfiguration: expect.anything(),
      LifecycleConfiguration: { Rules: [expect.objectContaining({ ExpirationInDays: 120, Status: 'Enabled' })] },
    })
    const policies = ofType(template, 'AWS::S3::BucketPolicy')
    expect(policies).toHaveLength(2)
    for (const { Properties } of policies) expect(JSON.stringify(Properties)).toContain('"aws:SecureTransport":"false"')
    for (const { Properties } of ofType(template, 'AWS::S3::Bucket')) {
      expect(JSON.stringify(Properties.BucketEncryption)).toContain('AES256')
    }
  })

  it('the ledger’s database is encrypted, backed up and protected, and its deletion leaves a snapshot', () => {
    const cluster = only(template, 'AWS::RDS::DBCluster')
    expect([cluster.DeletionPolicy, cluster.UpdateReplacePolicy]).toEqual(['Snapshot', 'Snapshot'])
    expect(cluster.Properties).toMatchObject({
      Engine: 'aurora-postgresql',
      StorageEncrypted: true,
      DeletionProtection: true,
      BackupRetentionPeriod: 14,
      ManageMasterUserPassword: true,
      EnableIAMDatabaseAuthentication: true,
      EnableHttpEndpoint: true,
    })
    expect(Number.parseInt(String(cluster.Properties.EngineVersion), 10)).toBeGreaterThanOrEqual(16)
    expect(cluster.Properties.Port).not.toBe(5432)
  })
})

describe('the ledger’s network', () => {
  it('has no way to other networks: no gateway, no NAT, no route', () => {
    for (const type of [
      'InternetGateway',
      'NatGateway',
      'Route',
      'EgressOnlyInternetGateway',
      'VPCGatewayAttachment',
    ]) {
      expect(ofType(template, `AWS::EC2::${type}`)).toEqual([])
    }
  })

  it('the database can’t be reached from other networks: its network has no ingress rule and no public address', () => {
    const group = only(template, 'AWS::EC2::SecurityGroup')
    expect(group.Properties.SecurityGroupIngress).toBeUndefined()
    expect(ofType(template, 'AWS::EC2::SecurityGroupIngress')).toEqual([])
    // This rule is the CDK’s way to allow nothing. If a group had no rule, EC2 would add a rule that allows everything.
    expect(group.Properties.SecurityGroupEgress).toEqual([expect.objectContaining({ CidrIp: '255.255.255.255/32' })])
    expect(only(template, 'AWS::RDS::DBInstance').Properties.PubliclyAccessible).toBe(false)
    expect(only(template, 'AWS::RDS::DBCluster').Properties.VpcSecurityGroupIds).toEqual([
      { 'Fn::GetAtt': [group.id, 'GroupId'] },
    ])
    for (const { Properties } of ofType(template, 'AWS::EC2::Subnet'))
      expect(Properties.MapPublicIpOnLaunch).toBe(false)
  })

  it('the traffic of the database’s network is logged, and no function is in this network', () => {
    expect(only(template, 'AWS::EC2::FlowLog').Properties.TrafficType).toBe('ALL')
    for (const { Properties } of ofType(template, 'AWS::Lambda::Function')) expect(Properties.VpcConfig).toBeUndefined()
  })
})

describe('the ledger’s migrations', () => {
  const migrations = only(template, 'Custom::LedgerMigrations')

  it('run in each deployment that changes the code of the migrator, after the database was created', () => {
    expect(migrations.Properties.MigratorHash).toBe(STUB_BUNDLES.migrator.hash)
    expect(migrations.Properties.ServiceToken).toEqual({ 'Fn::GetAtt': [functionOf(template, 'migrator').id, 'Arn'] })
    expect(migrations.DependsOn).toContain(only(template, 'AWS::RDS::DBInstance').id)
  })

  it('run before the functions that use the ledger', () => {
    for (const service of ['collector', 'reader', 'gateway']) {
      expect(functionOf(template, service).DependsOn).toContain(migrations.id)
    }
    const migrationsOfKept = only(kept, 'Custom::LedgerMigrations')
    expect(functionOf(kept, 'retention').DependsOn).toContain(migrationsOfKept.id)
  })

  it('the migrations run in each deployment with a new database role, and the migrator may read the secret of each role', () => {
    expect(migrations.Properties.Roles).toBe('collector,gateway,operator,reader')
    expect(only(kept, 'Custom::LedgerMigrations').Properties.Roles).toBe('collector,gateway,operator,reader,retention')
    expect(grantsOf(kept, functionOf(kept, 'migrator'))).toContain(secretOf('retention'))
  })
})

describe('the ledger’s roles', () => {
  it('have a generated password each, which has no quotation marks', () => {
    const secrets = ofType(template, 'AWS::SecretsManager::Secret').map(({ Properties }) => Properties)
    expect(secrets.map(({ GenerateSecretString }) => GenerateSecretString)).toEqual(
      ['collector', 'reader', 'gateway', 'operator'].map(role => ({
        SecretStringTemplate: JSON.stringify({ username: `sluice_${role}` }),
        GenerateStringKey: 'password',
        PasswordLength: 40,
        ExcludePunctuation: true,
      })),
    )
  })

  it('each function that uses the ledger has a database role of its own, and so has the operator’s command line', () => {
    for (const service of ['collector', 'reader', 'gateway'])
      expect(render(variablesOf(functionOf(template, service)).LEDGER_SECRET_ARN)).toBe(`<StateLedgerSecret${service}>`)
    expect(render(template.Outputs.LedgerSecretArn?.Value)).toBe('<StateLedgerSecretoperator>')
  })
})

describe('retention', () => {
  it('lets its function delete old rows once a day, and gives it no other right', () => {
    expect(grantsOf(kept, functionOf(kept, 'retention'))).toEqual(
      [...logs('RetentionFunctionLogs'), `rds-data:ExecuteStatement ${CLUSTER}`, secretOf('retention')].sort(),
    )
    const id = functionOf(kept, 'retention').id
    const rules = ofType(kept, 'AWS::Events::Rule').filter(rule => JSON.stringify(rule).includes(id))
    expect(rules.map(({ Properties }) => Properties.ScheduleExpression)).toEqual(['rate(1 day)'])
  })

  it('sets the time after which the bucket deletes payloads', () => {
    expect(outputOf(kept, 'PayloadsBucket').Properties.LifecycleConfiguration).toMatchObject({
      Rules: [{ ExpirationInDays: 30 }],
    })
  })

  it('the function `retention` does not exist if pipeline.yaml does not limit the age of rows', () => {
    const services = ofType(template, 'AWS::Lambda::Function').map(fn => variablesOf(fn).POWERTOOLS_SERVICE_NAME)
    expect(services).not.toContain('Shop-1-retention')
  })
})

describe('a synthesis', () => {
  it('fails on a finding of cdk-nag that is not acknowledged', () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-nag-'))
    try {
      const app = createApp(join(folder, 'out'))
      const pipeline = parsePipeline(PIPELINE, {}, 'test.yaml')
      const stack = new SluiceStack(app, { pipeline, bundles: STUB_BUNDLES })
      new Queue(stack, 'Planted')
      expect(() => app.synth()).toThrow(/AwsSolutions-SQS3/)
      const report = JSON.parse(readFileSync(join(folder, 'out', 'validation-report.json'), 'utf8'))
      expect(report.pluginReports).toMatchObject([{ pluginName: 'AwsSolutions', conclusion: 'failure' }])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('a synthesized template can be deployed to any account and region, and its functions have tags', () => {
    expect(render(template.Outputs.DashboardUrl?.Value)).toBe(
      'https://<AWS::Region>.console.aws.amazon.com/cloudwatch/home?region=<AWS::Region>#dashboards/dashboard/Shop-1-<AWS::Region>',
    )
    for (const { Properties } of ofType(template, 'AWS::Lambda::Function')) {
      expect(Properties.Tags).toEqual([
        { Key: 'Application', Value: 'sluice' },
        { Key: 'Pipeline', Value: 'Shop-1' },
      ])
    }
  })
})
