import type { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import type { SQSClient } from '@aws-sdk/client-sqs'
import { InferenceMessage } from '../../functions/core/domain/messages.ts'
import { dynamoModelStates } from '../../functions/core/flow-control/dynamodb.ts'
import { createFlowControl } from '../../functions/core/flow-control/flow-control.ts'
import { UNTOUCHED } from '../../functions/core/flow-control/state.ts'
import { randomIds } from '../../functions/core/platform/ids.ts'
import { RESULTS_QUEUE } from '../../functions/core/queue/names.ts'
import type { QueueBackend } from '../../functions/core/queue/port.ts'
import { dynamoItems } from '../../functions/core/stores/requests/dynamodb.ts'
import { compose } from '../../functions/worker/compose.ts'
import { processMessages } from '../../functions/worker/process-messages.ts'
import type { Settings } from '../../functions/worker/settings.ts'
import { movableClock } from '../support/clock.ts'
import { aDelivery } from '../support/deliveries.ts'
import { aRetry } from '../support/failures.ts'
import { aMessage, anItem } from '../support/requests.ts'
import { createQueue, createTable, type Engines } from './engines.ts'
import { Recorder, withItemOnFailure } from './recorder.ts'

const STACK = 'protected-'
const ENV = {
  POWERTOOLS_SERVICE_NAME: 'bench',
  POWERTOOLS_METRICS_NAMESPACE: 'bench',
  POWERTOOLS_LOG_LEVEL: 'ERROR' as const,
  DEPLOYMENT: 'sluice',
  LOG_FIELDS: '{}',
  REQUESTS_TABLE: 'bench-protected-requests',
  QUOTA_TABLE: 'unused',
  MODELS_TABLE: 'bench-protected-models',
  PAYLOADS_BUCKET: 'unused',
}
const SETTINGS = {
  request: '{ "model_input": prompt }',
  response: '{ "result": result }',
  batched: false,
  retry: aRetry(),
  store_prompts: true,
}

interface Clients {
  readonly dynamoDb: DynamoDBClient
  readonly sqs: SQSClient
}

/** The AWS clients and the recorder that the workers of a benchmark share. Only the calls of `counted` clients are recorded. */
export interface Stage {
  readonly recorder: Recorder
  readonly counted: Clients
  readonly uncounted: Clients
  readonly urlPrefix: string
}

export async function newStage(engines: Engines): Promise<Stage> {
  const recorder = new Recorder()
  const uncounted = { dynamoDb: engines.newDynamoDb(), sqs: engines.newSqs() }
  const counted = { dynamoDb: engines.newDynamoDb(), sqs: engines.newSqs() }
  await createTable(uncounted.dynamoDb, ENV.REQUESTS_TABLE, 'user_id', 'request_id')
  await createTable(uncounted.dynamoDb, ENV.MODELS_TABLE, 'model')
  const urlPrefix = (await createQueue(uncounted.sqs, STACK + RESULTS_QUEUE)) + STACK
  withItemOnFailure(counted.dynamoDb, uncounted.dynamoDb)
  for (const client of Object.values(counted)) recorder.watch(client)
  return { recorder, counted, uncounted, urlPrefix }
}

export type ProtectedWorker = Awaited<ReturnType<typeof newWorker>>

/** Makes a worker whose model has no item yet. The benchmark passes messages to the worker, and moves its clock. */
export async function newWorker(
  { counted, uncounted, urlPrefix }: Stage,
  model: string,
  url: string,
  policies: Partial<Pick<Settings, 'circuit' | 'rate_limit' | 'batched'>>,
) {
  await createQueue(uncounted.sqs, `${STACK}inference-${model}-normal`)
  const settings = { ...SETTINGS, ...policies, model, endpoint: { url, timeout_ms: 5_000, headers: {} } }
  const { clock, advance } = movableClock()
  const composed = compose({ ...ENV, QUEUE_URL_PREFIX: urlPrefix }, settings, counted)
  const { queue, last } = remembering(composed.queue)
  const store = dynamoModelStates(counted.dynamoDb, ENV.MODELS_TABLE)
  const sleep = async (ms: number) => advance(ms)
  const random = () => 0.5
  const ports = {
    ...composed,
    clock,
    sleep,
    random,
    flowControl: createFlowControl({ store, clock, ids: randomIds, sleep, random }, model, settings),
    queue,
    logger: { error: () => undefined, warn: () => undefined, info: () => undefined },
  }
  let invocations = 0
  const deliver = async (messages: readonly unknown[]): Promise<void> => {
    invocations++
    const deliveries = messages.map((body, i) => aDelivery(body, i))
    const { redeliver } = await processMessages(ports, deliveries, { ends_at: clock() + 55_000 })
    if (redeliver.length > 0) throw new Error('a message could not be processed')
  }
  return {
    advance,
    invocations: () => invocations,
    /** Creates new requests, and passes their messages to the worker in one invocation. */
    invoke: async (requests = 1): Promise<void> => {
      const items = Array.from({ length: requests }, () => anItem({ model }))
      await Promise.all(items.map(item => dynamoItems(uncounted.dynamoDb, ENV.REQUESTS_TABLE).create(item)))
      await deliver(items.map(item => aMessage(item)))
    },
    /** Advances the clock to the end of the delay of the last deferred message, and passes the message to the worker. */
    invokeAgain: async (): Promise<void> => {
      const { message, seconds } = last()
      advance(seconds * 1_000)
      await deliver([message])
    },
    openCircuit: async (): Promise<void> => {
      const open = { until: clock() + 30_000, times: 1 }
      await dynamoModelStates(uncounted.dynamoDb, ENV.MODELS_TABLE).write(model, { ...UNTOUCHED, version: 1, open })
    },
  }
}

/** A queue that remembers the last message that was sent to a queue of the model. */
function remembering(queue: QueueBackend) {
  let sent: { message: InferenceMessage; seconds: number } | undefined
  const remembers: QueueBackend = {
    ...queue,
    send: (name, message) => {
      if (name !== RESULTS_QUEUE)
        sent = { message: InferenceMessage.parse(message.body), seconds: message.delay_seconds ?? 0 }
      return queue.send(name, message)
    },
  }
  const last = () => {
    if (!sent) throw new Error('nothing was put back')
    return sent
  }
  return { queue: remembers, last }
}
