import { arn } from '../arn.ts'
import { physicalName, type ResourceType } from './resource.ts'

/** The resource types that do nothing in the local system: permissions, networks and monitoring. Their attributes have made-up values. */
export const INERT_TYPES = [
  'AWS::AmazonMQ::Configuration',
  'AWS::CDK::Metadata',
  'AWS::CloudWatch::Alarm',
  'AWS::CloudWatch::CompositeAlarm',
  'AWS::CloudWatch::Dashboard',
  'AWS::EC2::EIP',
  'AWS::EC2::FlowLog',
  'AWS::EC2::InternetGateway',
  'AWS::EC2::NatGateway',
  'AWS::EC2::Route',
  'AWS::EC2::RouteTable',
  'AWS::EC2::SecurityGroup',
  'AWS::EC2::SecurityGroupEgress',
  'AWS::EC2::SecurityGroupIngress',
  'AWS::EC2::Subnet',
  'AWS::EC2::SubnetRouteTableAssociation',
  'AWS::EC2::VPC',
  'AWS::EC2::VPCEndpoint',
  'AWS::EC2::VPCGatewayAttachment',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::KMS::Alias',
  'AWS::KMS::Key',
  'AWS::Lambda::CapacityProvider',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Lambda::Permission',
  'AWS::Logs::LogGroup',
  'AWS::Logs::MetricFilter',
  'AWS::Logs::QueryDefinition',
  'AWS::RDS::DBClusterParameterGroup',
  'AWS::RDS::DBInstance',
  'AWS::RDS::DBSubnetGroup',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::QueuePolicy',
]

export const inert: ResourceType = async (declared, system) => {
  const name = physicalName(system, declared)
  const service = declared.type.split('::')[1]?.toLowerCase() ?? ''
  return {
    // The Ref of a topic is its ARN. A function may parse this ARN, so it must be valid.
    ref: declared.type === 'AWS::SNS::Topic' ? arn(service, name) : name,
    attribute: attribute => (attribute.endsWith('Arn') ? arn(service, name) : `${name}.${attribute}`),
  }
}
