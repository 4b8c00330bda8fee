import { DeleteMessageCommand, ReceiveMessageCommand, type SQSClient } from '@aws-sdk/client-sqs'
import type * as z from 'zod'
import { rememberKeys } from '../../functions/authorizer/remember-keys.ts'
import { collect } from '../../functions/collector/collect.ts'
import { compose as composeCollector } from '../../functions/collector/compose.ts'
import { prepare } from '../../functions/core/admission/prepare.ts'
import { createRouter } from '../../functions/core/admission/route.ts'
import { RequestError } from '../../functions/core/domain/errors.ts'
import { InferenceMessage, ResultEvent } from '../../functions/core/domain/messages.ts'
import { DEFAULT_RATE } from '../../functions/core/domain/rate.ts'
import type { HttpCall } from '../../functions/core/http/call.ts'
import type { RouteKey } from '../../functions/core/http/routes.ts'
import { parseBody, toSubmission } from '../../functions/core/inference-api/body.ts'
import { viewRequest } from '../../functions/core/lifecycle/view-request.ts'
import type { Caller } from '../../functions/core/platform/caller.ts'
import { dynamoAccessAdmin } from '../../functions/core/stores/access/admin.ts'
import { hashKey, keyIdOf, newKey } from '../../functions/core/stores/access/key.ts'
import { migrate } from '../../functions/core/stores/ledger/migrate.ts'
import { answerPost } from '../../functions/gateway/answer-post.ts'
import { compose as composeGateway } from '../../functions/gateway/compose.ts'
import type { Settings as GatewaySettings } from '../../functions/gateway/settings.ts'
import { ANSWER_MS } from '../../functions/gateway/submit-call.ts'
import { submitRequest } from '../../functions/gateway/submit-request.ts'
import { compose as composeReader } from '../../functions/reader/compose.ts'
import { compose as composeWorker } from '../../functions/worker/compose.ts'
import { processMessages } from '../../functions/worker/process-messages.ts'
import { aDelivery } from '../support/deliveries.ts'
import { aRetry } from '../support/failures.ts'
import { createQueue, createTable, type Engines } from './engines.ts'
import { type Call, Recorder, withItemOnFailure } from './recorder.ts'

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
  KEYS_TABLE: 'bench-keys',
  USERS_TABLE: 'bench-users',
  PAYLOADS_BUCKET: 'unused',
}
const USER = 'bench'

type GatewayPath = RouteKey<'gateway'> extends `POST ${infer Path}` ? Path : never

/** Runs requests of one user on the engines, step by step. `counting` returns the AWS calls that Sluice's code makes in a step. */
export type RequestStage = Awaited<ReturnType<typeof newRequestStage>>

export async function newRequestStage(engines: Engines, modelUrl: string, { inFlight }: { inFlight: number }) {
  const recorder = new Recorder()
  const uncounted = { dynamoDb: engines.newDynamoDb(), sqs: engines.newSqs() }
  await createTable(uncounted.dynamoDb, TABLES.REQUESTS_TABLE, 'user_id', 'request_id')
  await createTable(uncounted.dynamoDb, TABLES.QUOTA_TABLE, 'pk')
  await createTable(uncounted.dynamoDb, TABLES.MODELS_TABLE, 'model')
  await createTable(uncounted.dynamoDb, TABLES.KEYS_TABLE, 'key_id')
  await createTable(uncounted.dynamoDb, TABLES.USERS_TABLE, 'user_id')
  const QueueUrlPrefix = await createQueue(uncounted.sqs, 'results')
  await createQueue(uncounted.sqs, 'inference-text-normal')
  await migrate(engines.newRdsData(), LEDGER)

  const clients = { dynamoDb: engines.newDynamoDb(), sqs: engines.newSqs() }
  const rdsData = engines.newRdsData()
  withItemOnFailure(clients.dynamoDb, uncounted.dynamoDb)
  for (const client of [clients.dynamoDb, clients.sqs, rdsData]) recorder.watch(client)

  const settings = gatewaySettings(inFlight)
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
  const reader = composeReader(
    { ...BASE, ...TABLES, ...LEDGER, QUEUE_URL_PREFIX: QueueUrlPrefix },
    { quotas: settings.quotas, waiting: settings.waiting, models: settings.models },
    clients,
    rdsData,
    clients.dynamoDb,
  )
  const caller = { user_id: USER, plan: 'free' }
  const key = newKey()
  const access = { keys: TABLES.KEYS_TABLE, users: TABLES.USERS_TABLE }
  const { addKey, replaceUser } = dynamoAccessAdmin(uncounted.dynamoDb, access)
  const hash = hashKey(key)
  await replaceUser(undefined, { ...caller, overrides: {} })
  await addKey({ key_id: keyIdOf(hash), hash, user_id: USER, created_at: Date.now() })
  const authorized = rememberKeys(dynamoAccessAdmin(clients.dynamoDb, access), Date.now)
  const take = <Schema extends z.ZodType>(queue: string, schema: Schema) =>
    receiveAll(uncounted.sqs, QueueUrlPrefix + queue, schema)

  const counting = async (act: () => Promise<unknown>): Promise<Call[]> => {
    recorder.take()
    await act()
    return recorder.take()
  }
  const submit = async () => {
    const submission = toSubmission(parseBody('{"prompt":"How fast?"}'))
    return submitRequest(gateway, await prepare(gateway, settings, route, caller, submission))
  }
  /** Posts a body as a client does, with no time to wait for the result. Returns the status, or the error code of a refusal. */
  const post = async (path: GatewayPath, body: object, of: Partial<Caller> = {}) => {
    const route = `POST ${path}` as const
    const call: HttpCall = {
      ...{ route, path, headers: {}, query: {}, parameters: {} },
      caller: () => ({ ...caller, ...of }),
      body: () => JSON.stringify(body),
      remainingMs: () => ANSWER_MS,
    }
    try {
      return { code: (await answerPost(gateway, call)).statusCode }
    } catch (error) {
      if (error instanceof RequestError) return { code: error.code }
      throw error
    }
  }
  return {
    counting,
    authorize: () => authorized(key),
    submit,
    post,
    work: async () => {
      const [message] = await take('inference-text-normal', InferenceMessage)
      if (!message) throw new Error('no message')
      await processMessages(worker, [aDelivery(message)], { ends_at: Date.now() + 55_000 })
    },
    /** Receives the events in the results queue. `collect` then collects them. */
    takeEvents: () => take('results', ResultEvent),
    collect: (events: readonly ResultEvent[]) => collect(collector, events),
    read: (requestId: string) => viewRequest(reader, USER, requestId),
  }
}

async function receiveAll<Schema extends z.ZodType>(client: SQSClient, QueueUrl: string, schema: Schema) {
  const { Messages = [] } = await client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10 }))
  for (const { ReceiptHandle } of Messages) await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
  return Messages.map(({ Body = '' }): z.infer<Schema> => schema.parse(JSON.parse(Body)))
}

const gatewaySettings = (inFlight: number): GatewaySettings => ({
  quotas: {
    window: 'day',
    default_plan: 'free',
    plans: {
      free: { requests: 1e6, tokens: 1e9, in_flight: inFlight, priorities: ['normal'], shards: 1, rate: DEFAULT_RATE },
    },
  },
  routing: [{ model: 'text' }],
  models: ['text'],
  expire_after_ms: 3_600_000,
  // With such a low limit, one item has all wait leases. The first lease in each item needs one more write, so with more items, the
  // number of calls would vary.
  waiting: { per_user: 10, total: 16 },
  openai: { text: { passes: true, names: [], embeddings: true } },
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
