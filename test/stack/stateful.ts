import type { Template } from './synthesized.ts'

/** A resource with data, or with an address that clients and operators use. */
export interface Stateful {
  readonly type: string
  /** The properties that CloudFormation can’t change in place. Another value replaces the resource. */
  readonly fixed: Readonly<Record<string, unknown>>
}

/** The fixed properties of each checked type. A change of one of them replaces the resource. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  'AWS::ApiGatewayV2::Api': ['ProtocolType'],
  'AWS::ApiGatewayV2::Stage': ['ApiId', 'StageName'],
  'AWS::DynamoDB::GlobalTable': ['TableName', 'KeySchema', 'LocalSecondaryIndexes'],
  'AWS::EC2::SecurityGroup': ['GroupDescription', 'GroupName', 'VpcId'],
  'AWS::EC2::Subnet': ['AvailabilityZone', 'CidrBlock', 'VpcId'],
  'AWS::EC2::VPC': ['CidrBlock'],
  'AWS::KMS::Key': [],
  'AWS::Logs::LogGroup': ['LogGroupName'],
  'AWS::RDS::DBCluster': [
    'DatabaseName',
    'DBClusterIdentifier',
    'DBSubnetGroupName',
    'EngineMode',
    'KmsKeyId',
    'MasterUsername',
    'SnapshotIdentifier',
    'StorageEncrypted',
  ],
  'AWS::RDS::DBInstance': ['DBClusterIdentifier', 'DBInstanceIdentifier'],
  'AWS::RDS::DBSubnetGroup': ['DBSubnetGroupName'],
  'AWS::S3::Bucket': ['BucketName'],
  'AWS::SecretsManager::Secret': ['Name'],
  'AWS::SNS::Topic': ['TopicName', 'FifoTopic'],
  'AWS::SQS::Queue': ['QueueName', 'FifoQueue'],
  'Custom::LedgerMigrations': ['ServiceToken'],
}

/** Every stateful resource of a template, by its logical id. */
export function statefulOf({ Resources }: Template): Record<string, Stateful> {
  return Object.fromEntries(
    Object.entries(Resources).flatMap(([id, { Type: type, Properties }]) => {
      const names = FIXED[type]
      if (!names) return []
      const fixed = Object.entries(Properties).filter(([name]) => names.includes(name))
      return [[id, { type, fixed: Object.fromEntries(fixed) }]]
    }),
  )
}
