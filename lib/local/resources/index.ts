import { LocalError } from '../error.ts'
import type { Created, Declared } from '../stack.ts'
import { broker } from './broker.ts'
import { customResource } from './custom-resource.ts'
import { dynamodbTable } from './dynamodb-table.ts'
import { eventSourceMapping } from './event-source-mapping.ts'
import { eventsRule } from './events-rule.ts'
import { api, authorizer, integration, route, stage } from './http-api.ts'
import { INERT_TYPES, inert } from './inert.ts'
import { lambdaFunction } from './lambda-function.ts'
import { rdsCluster } from './rds-cluster.ts'
import type { ResourceType, System } from './resource.ts'
import { s3Bucket } from './s3-bucket.ts'
import { secret } from './secret.ts'
import { sqsQueue } from './sqs-queue.ts'

const resourceTypes: Record<string, ResourceType> = {
  ...Object.fromEntries(INERT_TYPES.map(type => [type, inert])),
  'AWS::AmazonMQ::Broker': broker,
  'AWS::ApiGatewayV2::Api': api,
  'AWS::ApiGatewayV2::Authorizer': authorizer,
  'AWS::ApiGatewayV2::Integration': integration,
  'AWS::ApiGatewayV2::Route': route,
  'AWS::ApiGatewayV2::Stage': stage,
  'AWS::CloudFormation::CustomResource': customResource,
  'AWS::DynamoDB::GlobalTable': dynamodbTable,
  'AWS::DynamoDB::Table': dynamodbTable,
  'AWS::Events::Rule': eventsRule,
  'AWS::Lambda::EventSourceMapping': eventSourceMapping,
  'AWS::Lambda::Function': lambdaFunction,
  'AWS::RDS::DBCluster': rdsCluster,
  'AWS::S3::Bucket': s3Bucket,
  'AWS::SecretsManager::Secret': secret,
  'AWS::SQS::Queue': sqsQueue,
}

/** Creates a resource by its type. Throws LocalError if `resourceTypes` does not have the type. */
export async function createResource(declared: Declared, system: System): Promise<Created> {
  const resourceType = declared.type.startsWith('Custom::') ? customResource : resourceTypes[declared.type]
  if (!resourceType)
    throw new LocalError(`${declared.logicalId}: resource type ${declared.type} is not supported by the local system.`)
  return resourceType(declared, system)
}
