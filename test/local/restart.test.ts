import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb'
import { ExecuteStatementCommand, RDSDataClient } from '@aws-sdk/client-rds-data'
import {
  GetQueueUrlCommand,
  ListQueuesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { expect, test } from 'vitest'
import type { LocalSystem } from '../../lib/local/system.ts'
import { authorizationOf, credentialsOf } from '../../lib/local/trust/access-key.ts'
import { lambda, newRecords, startSmall, temporaryFolder } from './fixtures/template.ts'

const REGION = 'us-east-1'

test('a restart of the local system keeps messages, items, objects and rows, and creates resources that are new in the template', {
  timeout: 60_000,
}, async () => {
  const dataDir = join(temporaryFolder(), 'data')
  const customCalls = newRecords()
  // The files of a Postgres that an interrupted start has not completely made. The start makes Postgres again.
  mkdirSync(join(dataDir, 'postgres', 'data'), { recursive: true })
  writeFileSync(join(dataDir, 'postgres', 'data', 'PG_VERSION'), '18')
  const Resources = {
    Queue: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 30 } },
    Table: {
      Type: 'AWS::DynamoDB::GlobalTable',
      Properties: {
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        BillingMode: 'PAY_PER_REQUEST',
        Replicas: [{ Region: { Ref: 'AWS::Region' } }],
        TimeToLiveSpecification: { AttributeName: 'ttl', Enabled: true },
        SSESpecification: { SSEEnabled: true },
      },
    },
    Bucket: { Type: 'AWS::S3::Bucket' },
    Cluster: { Type: 'AWS::RDS::DBCluster', Properties: { Engine: 'aurora-postgresql', EnableHttpEndpoint: true } },
    Custom: lambda('custom', {}, customCalls.file),
    Migrations: {
      Type: 'Custom::Migrations',
      Properties: { ServiceToken: { 'Fn::GetAtt': ['Custom', 'Arn'] } },
    },
  }

  const first = await startSmall({ Resources }, { dataDir })
  await write(first)
  await first.close()
  expect(existsSync(join(dataDir, 'local.json'))).toBe(false)
  writeFileSync(join(dataDir, 'local.json'), '{}') // The folder of a killed process.

  const changed = { ...Resources.Queue, Properties: { VisibilityTimeout: 60 } }
  const More = { Type: 'AWS::SQS::Queue' }
  const second = await startSmall({ Resources: { ...Resources, Queue: changed, More } }, { dataDir })
  expect(await read(second)).toEqual({ message: 'kept', item: 'kept', object: 'kept', row: 'kept' })
  expect(JSON.parse(readFileSync(join(dataDir, 'local.json'), 'utf8'))).toMatchObject({ apiUrl: second.apiUrl })
  expect(await queueUrlsOf(second)).toEqual({
    listed: [urlIn(second, 'More'), urlIn(second, 'Queue')],
    found: urlIn(second, 'Queue'),
  })
  expect(second.endpoints.sqs).not.toBe(first.endpoints.sqs)
  expect(customCalls.read()).toMatchObject([{ type: 'Create' }, { type: 'Update', physicalId: 'migrations' }])
  await second.close()
})

test('a start of the local system knows whether the run before it was closed or has crashed', {
  timeout: 120_000,
}, async () => {
  const dataDir = join(temporaryFolder(), 'data')
  const told: boolean[] = []
  const template = { Resources: { Queue: { Type: 'AWS::SQS::Queue' } } }
  const startNext = (prepare: () => Promise<void> = async () => undefined) =>
    startSmall(template, {
      dataDir,
      prepare: async (_, wasStopped) => {
        told.push(wasStopped)
        await prepare()
      },
    })
  const first = await startNext()
  const files = readdirSync(dataDir)
  await first.close()
  const [note, ...more] = readdirSync(dataDir).filter(name => !files.includes(name))
  expect(more).toEqual([])

  const failing = startNext(() => Promise.reject(new Error('it can not be prepared')))
  await expect(failing).rejects.toThrow('it can not be prepared')
  const next = await startNext()
  // The note that the last run was closed is deleted at the start. So a process that crashes leaves no such note.
  expect(readdirSync(dataDir)).not.toContain(note)
  await next.close()

  expect(told).toEqual([false, true, true])
})

function clientsOf({ endpoints, accessKeyId }: LocalSystem) {
  const credentials = credentialsOf(accessKeyId)
  return {
    sqs: new SQSClient({ endpoint: endpoints.sqs, region: REGION, credentials }),
    dynamodb: new DynamoDBClient({ endpoint: endpoints.dynamodb, region: REGION, credentials }),
    rdsData: new RDSDataClient({ endpoint: endpoints.rds_data, region: REGION, credentials }),
    queueUrl: `${endpoints.sqs}/000000000000/Small-Queue`,
    objectUrl: `${endpoints.s3}/small-bucket/object`,
    headers: { authorization: authorizationOf(accessKeyId) },
  }
}

const urlIn = ({ endpoints }: LocalSystem, queue: string) => `${endpoints.sqs}/000000000000/Small-${queue}`

/** The URLs of the queues, as ListQueues and GetQueueUrl of SQS give them. */
async function queueUrlsOf(system: LocalSystem) {
  const { sqs } = clientsOf(system)
  const { QueueUrls = [] } = await sqs.send(new ListQueuesCommand())
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'Small-Queue' }))
  return { listed: QueueUrls.sort(), found: QueueUrl }
}

const statement = (sql: string) => new ExecuteStatementCommand({ resourceArn: 'arn', secretArn: 'arn', sql })

async function write(system: LocalSystem): Promise<void> {
  const { sqs, dynamodb, rdsData, queueUrl, objectUrl, headers } = clientsOf(system)
  await sqs.send(new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: 'kept' }))
  await dynamodb.send(new PutItemCommand({ TableName: 'Small-Table', Item: { pk: { S: 'kept' } } }))
  await fetch(objectUrl, { method: 'PUT', headers, body: 'kept' })
  await rdsData.send(statement('CREATE TABLE things (name text)'))
  await rdsData.send(statement("INSERT INTO things VALUES ('kept')"))
}

async function read(system: LocalSystem) {
  const { sqs, dynamodb, rdsData, queueUrl, objectUrl, headers } = clientsOf(system)
  const { Messages } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: queueUrl }))
  const { Item } = await dynamodb.send(new GetItemCommand({ TableName: 'Small-Table', Key: { pk: { S: 'kept' } } }))
  const { records } = await rdsData.send(statement('SELECT name FROM things'))
  return {
    message: Messages?.[0]?.Body,
    item: Item?.pk?.S,
    object: await (await fetch(objectUrl, { headers })).text(),
    row: records?.[0]?.[0]?.stringValue,
  }
}
