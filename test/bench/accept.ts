import { PutItemCommand, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { SendMessageCommand } from '@aws-sdk/client-sqs'
import { marshall } from '@aws-sdk/util-dynamodb'
import { createQueue, createTable, type Engines, startEngines } from './engines.ts'
import { newRequestStage } from './request-stage.ts'
import { median, round, table } from './table.ts'

const ROUNDS = 24
const ROUND_CALLS = 10
const TABLE = 'bench-bare'
const ITEM = 'x'.repeat(600)

/**
 * Measures the CPU time of the gateway's use case for one accepted request. Compares it with the three bare SDK calls that the gateway
 * makes: UpdateItem, PutItem and SendMessage. Both run in turn in this thread. A busy machine slows both, so their ratio hardly varies.
 */
export async function benchAccept(): Promise<string> {
  const engines = await startEngines()
  try {
    return await measure(engines)
  } finally {
    await engines.close()
  }
}

async function measure(engines: Engines): Promise<string> {
  const stage = await newRequestStage(engines, 'http://127.0.0.1:1/unused', { inFlight: 1_000_000 })
  const [dynamoDb, sqs] = [engines.newDynamoDb(), engines.newSqs()]
  await createTable(dynamoDb, TABLE, 'pk')
  const QueueUrl = `${await createQueue(sqs, 'bare')}bare`
  let calls = 0
  const bare = async () => {
    const Key = marshall({ pk: 'counter' })
    const values = marshall({ ':one': 1, ':zero': 0 })
    await dynamoDb.send(
      new UpdateItemCommand({
        TableName: TABLE,
        Key,
        UpdateExpression: 'SET n = if_not_exists(n, :zero) + :one',
        ExpressionAttributeValues: values,
      }),
    )
    const put = new PutItemCommand({ TableName: TABLE, Item: marshall({ pk: `item#${calls++}`, text: ITEM }) })
    const send = new SendMessageCommand({ QueueUrl, MessageBody: ITEM })
    await Promise.all([dynamoDb.send(put), sqs.send(send)])
  }
  const rounds: { readonly ours: number; readonly bare: number }[] = []
  for (let i = 0; i < ROUNDS; i++) {
    const measured = { ours: await cpuOfRound(stage.submit), bare: await cpuOfRound(bare) }
    if (i >= ROUNDS / 4) rounds.push(measured)
  }
  const row = [
    round(median(rounds.map(({ bare }) => bare))),
    round(median(rounds.map(({ ours }) => ours))),
    round(median(rounds.map(({ ours, bare }) => ours / bare))),
  ]
  const head = ['bare calls, ms of CPU', 'an accepted request, ms of CPU', 'ratio (median of rounds)']
  return `Accepting a request, against the same calls to AWS's SDK, one at a time\n\n${table(head, [row])}`
}

/** The CPU time per call in one round of calls, in milliseconds. */
async function cpuOfRound(call: () => Promise<unknown>): Promise<number> {
  const before = process.threadCpuUsage()
  for (let i = 0; i < ROUND_CALLS; i++) await call()
  const { user, system } = process.threadCpuUsage(before)
  return (user + system) / 1_000 / ROUND_CALLS
}
