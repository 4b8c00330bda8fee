import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import {
  ConditionalCheckFailedException,
  CreateTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  ResourceNotFoundException,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import {
  CreateQueueCommand,
  DeleteMessageCommand,
  QueueDoesNotExist,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { leanSettings } from '../../functions/core/platform/lean-client.ts'
import { connector } from '../../lib/local/connect.ts'
import { type Emulator, startEmulator } from '../../lib/local/emulators/host.ts'

const NOWHERE = 'http://127.0.0.1:1'
const common = {
  region: 'us-east-1',
  credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  maxAttempts: 1,
}

type Name = 'dynamodb' | 'sqs-s3' | 'rds-data'

async function start(name: Name): Promise<Emulator> {
  const module = new URL(`../../lib/local/emulators/${name}.ts`, import.meta.url)
  const emulator = startEmulator(module, { accessKeyId: 'local' }, () => {})
  await emulator.endpoint
  return emulator
}

let emulators: Record<Name, Emulator>
beforeAll(async () => {
  const [dynamodb, sqs, rdsData] = await Promise.all([start('dynamodb'), start('sqs-s3'), start('rds-data')])
  emulators = { dynamodb, 'sqs-s3': sqs, 'rds-data': rdsData }
}, 60_000)
afterAll(async () => {
  await Promise.all(Object.values(emulators).map(emulator => emulator.close()))
})

const connect = (sqs = emulators['sqs-s3']) =>
  connector({
    DynamoDB: emulators.dynamodb.connect(),
    SQS: sqs.connect(),
    'RDS Data': emulators['rds-data'].connect(),
  })

/** Makes a table, a client that calls it over HTTP (`overHttp`), and a client that can call it only within the process (`within`). */
async function tables() {
  const TableName = `things-${randomUUID()}`
  const overHttp = new DynamoDBClient({ ...common, endpoint: await emulators.dynamodb.endpoint })
  await overHttp.send(
    new CreateTableCommand({
      TableName,
      AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      BillingMode: 'PAY_PER_REQUEST',
    }),
  )
  const within = new DynamoDBClient({ ...leanSettings(1_000), ...common, endpoint: NOWHERE })
  connect()(within)
  await waitUntilTableExists({ client: overHttp, maxWaitTime: 30, minDelay: 0.05 }, { TableName })
  const put = (value: object) =>
    new PutItemCommand({
      TableName,
      Item: { pk: { S: 'a' }, ...value },
      ConditionExpression: 'attribute_not_exists(pk)',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    })
  const get = new GetItemCommand({ TableName, Key: { pk: { S: 'a' } } })
  return { overHttp, within, put, get }
}

it('a client within the process calls the DynamoDB tables without a socket, and shares the items with clients over HTTP', async () => {
  const { overHttp, within, put, get } = await tables()

  await within.send(put({ n: { N: '7' } }))

  expect((await overHttp.send(get)).Item).toEqual({ pk: { S: 'a' }, n: { N: '7' } })
  expect((await within.send(get)).Item).toEqual({ pk: { S: 'a' }, n: { N: '7' } })
})

it('a failed call within the process throws the same error of the AWS SDK as over HTTP, with all fields', async () => {
  const { within, put } = await tables()
  await within.send(put({ n: { N: '7' } }))

  const refused = await within.send(put({})).catch(error => error)
  expect(refused).toBeInstanceOf(ConditionalCheckFailedException)
  expect(refused).toMatchObject({ Item: { pk: { S: 'a' }, n: { N: '7' } }, $metadata: { httpStatusCode: 400 } })
  const missing = new GetItemCommand({ TableName: 'none', Key: { pk: { S: 'a' } } })
  await expect(within.send(missing)).rejects.toThrow(ResourceNotFoundException)
})

it('an answer within the process has binary values as bytes, but a call with binary values is sent over HTTP', async () => {
  const { overHttp, within, put, get } = await tables()
  const bytes = new Uint8Array([1, 2, 3])
  await overHttp.send(put({ b: { B: bytes } }))

  expect((await within.send(get)).Item?.b).toEqual({ B: bytes })
  await expect(within.send(put({ b: { B: bytes } }))).rejects.toThrow('ECONNREFUSED')
})

it('a client within the process sends, receives and deletes messages of SQS without a socket', async () => {
  const endpoint = await emulators['sqs-s3'].endpoint
  const overHttp = new SQSClient({ ...common, endpoint })
  await overHttp.send(new CreateQueueCommand({ QueueName: 'work' }))
  const within = new SQSClient({ ...common, endpoint: NOWHERE })
  connect()(within)
  const QueueUrl = `${endpoint}/000000000000/work`

  const waiting = within.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 20 }))
  await within.send(new SendMessageCommand({ QueueUrl, MessageBody: 'hello' }))

  const { Messages: [message] = [] } = await waiting
  expect(message?.Body).toBe('hello')
  await within.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle: message?.ReceiptHandle }))
  const toNone = new SendMessageCommand({ QueueUrl: `${endpoint}/000000000000/none`, MessageBody: 'hello' })
  await expect(within.send(toNone)).rejects.toThrow(QueueDoesNotExist)
})

it('a call within the process fails with the error of a lost connection if the emulator ends, and later calls fail, too', async () => {
  const ending = await start('sqs-s3')
  const endpoint = await ending.endpoint
  await new SQSClient({ ...common, endpoint }).send(new CreateQueueCommand({ QueueName: 'work' }))
  const within = new SQSClient({ ...common, endpoint: NOWHERE })
  connect(ending)(within)
  const receive = new ReceiveMessageCommand({ QueueUrl: `${endpoint}/000000000000/work`, WaitTimeSeconds: 20 })

  const waiting = within.send(receive).catch(error => error)
  await ending.close()

  // Two results are right: the ending queue answers the waiting receive without messages, or the connection is lost.
  const first = await waiting
  expect(first instanceof Error ? Reflect.get(first, 'code') : first.Messages).toBe(
    first instanceof Error ? 'ECONNRESET' : undefined,
  )
  await expect(within.send(receive)).rejects.toThrow('ECONNREFUSED')
})

it('a call within the process fails with the SDK’s TimeoutError if it takes longer than the client’s timeout', async () => {
  const endpoint = await emulators['sqs-s3'].endpoint
  await new SQSClient({ ...common, endpoint }).send(new CreateQueueCommand({ QueueName: 'work' }))
  const within = new SQSClient({ ...common, endpoint: NOWHERE })
  connect()(within, 20)

  const receive = new ReceiveMessageCommand({ QueueUrl: `${endpoint}/000000000000/work`, WaitTimeSeconds: 20 })
  await expect(within.send(receive)).rejects.toMatchObject({ name: 'TimeoutError' })
})

it('a call within the process succeeds if its answer came in time, even if the caller’s thread was blocked longer than the timeout', async () => {
  const { overHttp, put, get } = await tables()
  const within = new DynamoDBClient({ ...common, endpoint: NOWHERE })
  connect()(within, 200)

  const written = within.send(put({ n: { N: '7' } }))
  // The call is sent first. Then this thread blocks for a second, in which the thread of the tables answers.
  await setImmediate()
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000)

  await expect(written).resolves.toMatchObject({ $metadata: { httpStatusCode: 200 } })
  expect((await overHttp.send(get)).Item).toEqual({ pk: { S: 'a' }, n: { N: '7' } })
})
