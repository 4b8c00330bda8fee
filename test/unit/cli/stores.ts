import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3'
import { CreateQueueCommand, DeleteMessageCommand, ReceiveMessageCommand } from '@aws-sdk/client-sqs'
import { collect } from '../../../functions/collector/collect.ts'
import type { RequestItem } from '../../../functions/core/domain/item.ts'
import { reservationOf } from '../../../functions/core/domain/item.ts'
import { type OutcomeEvent, type Payload, ResultEvent } from '../../../functions/core/domain/messages.ts'
import { finalizeRequest } from '../../../functions/core/lifecycle/finalize-request.ts'
import { untraced } from '../../../functions/core/platform/tracing/port.ts'
import { migrate } from '../../../functions/core/stores/ledger/migrate.ts'
import { rdsDataLedger } from '../../../functions/core/stores/ledger/rds-data.ts'
import { adminOf } from '../../../lib/cli/admin.ts'
import { localTarget } from '../../../lib/cli/target.ts'
import { openPglite } from '../../../lib/local/rds-data/pglite.ts'
import { startDataApi } from '../../../lib/local/rds-data/server.ts'
import { credentialsOf } from '../../../lib/local/trust/access-key.ts'
import { NOW } from '../../support/clock.ts'
import { ACCESS_KEY_ID, startSqsAndS3 } from '../../support/emulators.ts'
import { aMessage, anAcceptedEvent, anOutcome } from '../../support/requests.ts'
import { everythingStored } from '../../support/stored.ts'
import { OUTPUTS, startTables, TABLE_NAMES } from './local-system.ts'

const LIMITS = { requests: 1_000, tokens: 1_000_000, in_flight: 100 }
const LEDGER = {
  LEDGER_CLUSTER_ARN: OUTPUTS.LedgerClusterArn ?? '',
  LEDGER_SECRET_ARN: OUTPUTS.LedgerSecretArn ?? '',
  LEDGER_DATABASE: 'sluice',
}
const MODEL_QUEUE = 'inference-text-normal'
const RESULTS = 'results'
/** The name of the input queue. Unlike the names of Sluice’s own queues, it has no prefix with the name of the pipeline. */
const INPUT = 'nightly'

/**
 * Starts all stores of a system. The result has a function for each step of a request (admit, start, finish, fail), which
 * calls the system's own functions directly, without the queues between them. The time is always `NOW`.
 */
export async function startStores() {
  const [database, { sqs, s3, close: closeSqs }] = await Promise.all([openPglite(), startSqsAndS3()])
  const postgres = await startDataApi(database, ACCESS_KEY_ID)
  const { QueueUrl = '' } = await sqs.send(new CreateQueueCommand({ QueueName: `sluice-${MODEL_QUEUE}` }))
  await sqs.send(new CreateQueueCommand({ QueueName: `sluice-${RESULTS}` }))
  await sqs.send(new CreateQueueCommand({ QueueName: INPUT }))
  await s3.send(new CreateBucketCommand({ Bucket: OUTPUTS.PayloadsBucket }))
  const { protocol, port } = new URL(QueueUrl)
  const system = await startTables(`http://127.0.0.1:${postgres.port}`, `${protocol}//127.0.0.1:${port}`)
  const admin = adminOf(localTarget(system.local), () => NOW)
  const rdsData = new RDSDataClient({
    endpoint: system.local.endpoints.rds_data,
    region: 'us-east-1',
    credentials: credentialsOf(ACCESS_KEY_ID),
  })
  await migrate(rdsData, LEDGER)
  const ports = { ...admin, ledger: rdsDataLedger(rdsData, LEDGER), tracing: untraced }

  const admit = async (item: RequestItem, prompt: Payload = { inline: 'hello' }): Promise<RequestItem> => {
    await ports.quota.reserve(reservationOf(item), LIMITS, NOW)
    await collect(ports, [{ ...anAcceptedEvent(item), prompt }])
    return ports.items.create(item)
  }
  const start = async (item: RequestItem): Promise<RequestItem> => {
    const claim = await ports.items.claim(aMessage(item), { claim_id: 'c', now: NOW, lease_until: NOW + 60_000 })
    if (!claim.claimed) throw new Error('the request could not be claimed')
    return claim.item
  }
  const finish = async (item: RequestItem, outcome: Partial<OutcomeEvent> = {}): Promise<void> => {
    await start(item)
    await collect(ports, [anOutcome(item, { completed_at: NOW, ...outcome })])
  }
  /** Takes all messages of a queue, as texts. */
  const texts = async (name: string): Promise<string[]> => {
    const url = QueueUrl.replace(`sluice-${MODEL_QUEUE}`, name)
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl: url, MaxNumberOfMessages: 10 }))
    for (const { ReceiptHandle } of Messages) await sqs.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle }))
    return Messages.map(({ Body = '' }) => Body)
  }
  const received = async (queue: string): Promise<unknown[]> =>
    (await texts(`sluice-${queue}`)).map(text => JSON.parse(text))

  return {
    ...system,
    /** The ports of `sluice`. */
    admin,
    ports,
    admit,
    start,
    finish,
    /** Fails a request as a worker does. The dead letter has the request's message. */
    fail: (item: RequestItem, outcome: Partial<OutcomeEvent> = {}) =>
      finish(item, {
        status: 'failed',
        usage: undefined,
        result: undefined,
        error: { code: 'model_error', message: 'it answered 500' },
        message: aMessage(item),
        ...outcome,
      }),
    /** Fails a request without a worker, as the sweeper does. The dead letter has no message. */
    giveUp: async (item: RequestItem): Promise<void> => {
      const ended = await ports.items.giveUp(item, { code: 'worker_crashed', message: 'it stopped' }, NOW)
      if (!ended) throw new Error('the request could not be given up')
      await finalizeRequest(ports, ended)
      await collect(
        ports,
        (await received(RESULTS)).map(event => ResultEvent.parse(event)),
      )
    },
    /** Removes the dead letters of a test, for the next test. */
    removeDeadLetters: async (): Promise<void> => {
      const letters = await admin.deadLetters.list({ limit: 1_000 })
      await admin.deadLetters.remove(letters.map(({ id }) => id))
    },
    inferenceMessages: () => received(MODEL_QUEUE),
    /** Makes the collector take the messages of the results queue. */
    collectResults: async (): Promise<void> => {
      await collect(
        ports,
        (await received(RESULTS)).map(event => ResultEvent.parse(event)),
      )
    },
    everything: () =>
      everythingStored({
        dynamoDb: system.client,
        tables: TABLE_NAMES,
        s3,
        bucket: OUTPUTS.PayloadsBucket ?? '',
        rdsData,
        ledger: {
          resourceArn: LEDGER.LEDGER_CLUSTER_ARN,
          secretArn: LEDGER.LEDGER_SECRET_ARN,
          database: LEDGER.LEDGER_DATABASE,
        },
      }),
    inputTexts: () => texts(INPUT),
    store: (key: string, value: unknown) =>
      s3.send(new PutObjectCommand({ Bucket: OUTPUTS.PayloadsBucket, Key: key, Body: JSON.stringify(value) })),
    close: async () => {
      rdsData.destroy()
      await system.close()
      await postgres.close()
      await closeSqs()
    },
  }
}
