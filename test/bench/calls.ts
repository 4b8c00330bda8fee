import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type * as z from 'zod'
import { collect } from '../../functions/collector/collect.ts'
import { compose as composeCollector } from '../../functions/collector/compose.ts'
import { prepare } from '../../functions/core/admission/prepare.ts'
import { createRouter } from '../../functions/core/admission/route.ts'
import { InferenceMessage, ResultEvent } from '../../functions/core/domain/messages.ts'
import { DEFAULT_RATE } from '../../functions/core/domain/rate.ts'
import { parseBody, toSubmission } from '../../functions/core/inference-api/body.ts'
import { migrate } from '../../functions/core/stores/ledger/migrate.ts'
import { compose as composeGateway } from '../../functions/gateway/compose.ts'
import type { Settings as GatewaySettings } from '../../functions/gateway/settings.ts'
import { submitRequest } from '../../functions/gateway/submit-request.ts'
import { compose as composeWorker } from '../../functions/worker/compose.ts'
import { processMessages } from '../../functions/worker/process-messages.ts'
import { aDelivery } from '../support/deliveries.ts'
import { aRetry } from '../support/failures.ts'
import { createQueue, createTable, type Engines } from './engines.ts'
import { Recorder, sequential, tally, withItemOnFailure } from './recorder.ts'
import { table } from './table.ts'

const LEDGER = {
  LEDGER_CLUSTER_ARN: 'arn:aws:rds:us-east-1:0:cluster:c',
  LEDGER_SECRET_ARN: 'arn:s',
  LEDGER_DATABASE: 'sluice',
}
const BASE = {
  POWERTOOLS_SERVICE_NAME: 'bench',
  POWERTOOLS_METRICS_NAMESPACE: 'bench',
  POWERTOOLS_LOG_LEVEL: 'ERROR' as const,
  DEPLOYMENT: 'sluice',
  LOG_FIELDS: '{}',
}
const TABLES = {
  REQUESTS_TABLE: 'bench-requests',
  QUOTA_TABLE: 'bench-quota',
  MODELS_TABLE: 'bench-models',
  PAYLOADS_BUCKET: 'unused',
}
const IN_FLIGHT = 3

/** AWS calls per request, as our code makes them; what Lambda's pollers receive and delete comes on top. */
export async function benchCalls(engines: Engines): Promise<string> {
  const model = await startModel()
  try {
    const bench = await setUp(engines, model.url)
    await bench.submit() // brings the user's quota item: once a window
    bench.recorder.take()

    const rows = [
      row('accepted', await bench.counting(bench.submit)),
      row('completed: worker', await bench.counting(bench.work)),
      row('completed: collector', await bench.counting(bench.collectAll)),
    ]
    for (let open = 1; open < IN_FLIGHT; open++) await bench.submit()
    bench.recorder.take()
    rows.push(row('rejected', await bench.counting(() => bench.submit().catch(() => undefined))))
    return `AWS calls a request, warm quota item, on ${engines.dynamoDbName} answering as DynamoDB does\n\n${table(['request', 'sequential', 'total', 'calls'], rows)}`
  } finally {
    model.close()
  }
}

type Calls = Recorder['calls']
const row = (name: string, calls: Calls): (string | number)[] => [name, sequential(calls), calls.length, tally(calls)]

async function setUp(engines: Engines, modelUrl: string) {
  const recorder = new Recorder()
  const uncounted = { dynamoDb: engines.newDynamoDb(), sqs: engines.newSqs() }
  await createTable(uncounted.dynamoDb, TABLES.REQUESTS_TABLE, 'user_id', 'request_id')
  await createTable(uncounted.dynamoDb, TABLES.QUOTA_TABLE, 'pk')
  await createTable(uncounted.dynamoDb, TABLES.MODELS_TABLE, 'model')
  const QueueUrlPrefix = await createQueue(uncounted.sqs, 'results')
  await createQueue(uncounted.sqs, 'inference-text-normal')
  await migrate(engines.newRdsData(), LEDGER)

  const clients = { dynamoDb: engines.newDynamoDb(), sqs: engines.newSqs() }
  const rdsData = engines.newRdsData()
  withItemOnFailure(clients.dynamoDb, uncounted.dynamoDb)
  for (const client of [clients.dynamoDb, clients.sqs, rdsData]) recorder.watch(client)

  const settings = gatewaySettings()
  const gateway = composeGateway(
    { ...BASE, ...TABLES, ...LEDGER, QUEUE_URL_PREFIX: QueueUrlPrefix },
    settings,
    clients,
    clients.dynamoDb,
  )
  const route = createRouter(settings)
  const worker = composeWorker(
    { ...BASE, ...TABLES, QUEUE_URL_PREFIX: QueueUrlPrefix },
    workerSettings(modelUrl),
    clients,
  )
  const collector = composeCollector(
    { ...BASE, ...TABLES, ...LEDGER, QUEUE_URL_PREFIX: QueueUrlPrefix },
    clients,
    rdsData,
  )
  const caller = { user_id: 'bench', plan: 'free' }
  const take = <Schema extends z.ZodType>(queue: string, schema: Schema) =>
    receiveAll(uncounted.sqs, QueueUrlPrefix + queue, schema)

  return {
    recorder,
    submit: () =>
      prepare(gateway, settings, route, caller, toSubmission(parseBody('{"prompt":"How fast?"}'))).then(prepared =>
        submitRequest(gateway, prepared),
      ),
    work: async () => {
      const [message] = await take('inference-text-normal', InferenceMessage)
      if (!message) throw new Error('no message')
      await processMessages(worker, [aDelivery(message)], { ends_at: Date.now() + 55_000 })
    },
    collectAll: async () => {
      const events = await take('results', ResultEvent)
      await collect(collector, events)
    },
    counting: async (act: () => Promise<unknown>): Promise<Calls> => {
      recorder.take()
      await act()
      return recorder.take()
    },
  }
}

async function receiveAll<Schema extends z.ZodType>(client: SQSClient, QueueUrl: string, schema: Schema) {
  const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))
  for (const { ReceiptHandle } of Messages) await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
  return Messages.map(({ Body = '' }): z.infer<Schema> => schema.parse(JSON.parse(Body)))
}

const gatewaySettings = (): GatewaySettings => ({
  quotas: {
    window: 'day',
    default_plan: 'free',
    plans: {
      free: { requests: 1e6, tokens: 1e9, in_flight: IN_FLIGHT, priorities: ['normal'], shards: 1, rate: DEFAULT_RATE },
    },
  },
  routing: [{ model: 'text' }],
  models: ['text'],
  expire_after_ms: 3_600_000,
  store_prompts: true,
  waiting: { per_user: 10, total: 50 },
})

const workerSettings = (url: string) => ({
  model: 'text',
  endpoint: { url, timeout_ms: 5_000, headers: {} },
  request: '{ "model_input": prompt }',
  response: '{ "result": result, "usage": usage }',
  batched: false,
  retry: aRetry(),
  store_prompts: true,
})

async function startModel() {
  const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 }
  const server = createServer((_, response) => response.end(JSON.stringify({ result: 'ok', usage })))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/predict`,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
