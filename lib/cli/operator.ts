import { dynamoAccessAdmin } from '../../functions/access/admin.ts'
import type { AccessAdmin } from '../../functions/access/port.ts'
import { dynamoGuards } from '../../functions/guard/dynamodb.ts'
import type { Policies } from '../../functions/guard/policies.ts'
import type { GuardStore } from '../../functions/guard/port.ts'
import { dynamoItems } from '../../functions/items/dynamodb.ts'
import { allItems, type DeletedItems, deleteItemsOf } from '../../functions/items/operator.ts'
import type { RequestItems } from '../../functions/items/port.ts'
import { type DeadLetters, rdsDataDeadLetters } from '../../functions/ledger/dead-letters.ts'
import { type LedgerErasure, rdsDataErasure } from '../../functions/ledger/erasure.ts'
import { type OperatorLedger, rdsDataOperatorLedger } from '../../functions/ledger/operator.ts'
import { s3PayloadsAdmin } from '../../functions/payloads/admin.ts'
import type { Payloads, PayloadsAdmin } from '../../functions/payloads/port.ts'
import { s3Payloads } from '../../functions/payloads/s3.ts'
import { type Clock, type Sleep, systemClock, systemSleep } from '../../functions/platform/clock.ts'
import { type Ids, randomIds } from '../../functions/platform/ids.ts'
import { type Random, systemRandom } from '../../functions/platform/random.ts'
import {
  type CountWaiting,
  type QueueExists,
  type SendInput,
  sqsCountWaiting,
  sqsQueueExists,
  sqsSendInput,
} from '../../functions/queue/operator.ts'
import type { MessageQueue } from '../../functions/queue/port.ts'
import { sqsQueue } from '../../functions/queue/sqs.ts'
import { dynamoQuota } from '../../functions/quota/dynamodb.ts'
import { allQuotaItems, deleteQuotaItem, type QuotaItem } from '../../functions/quota/operator.ts'
import type { Quota } from '../../functions/quota/port.ts'
import type { RequestItem } from '../../functions/requests/item.ts'
import type { QuotaSettings } from '../../functions/requests/quota-settings.ts'
import type { Target } from './target.ts'

/** What an operator works with: the operations in operations/ are functions over it. */
export interface Operator {
  readonly access: AccessAdmin
  readonly quota: Quota
  readonly items: RequestItems
  readonly ledger: OperatorLedger
  readonly deadLetters: DeadLetters
  readonly erasure: LedgerErasure
  readonly payloads: Payloads & PayloadsAdmin
  readonly queue: MessageQueue
  readonly queueExists: QueueExists
  readonly sendInput: SendInput
  readonly countWaiting: CountWaiting
  readonly guards: GuardStore
  /** Whole tables, a page at a time. */
  allQuotaItems(): AsyncIterable<QuotaItem[]>
  allItems(): AsyncIterable<RequestItem[]>
  /** Deletes all that the requests' table keeps of a user, but requests that wait or run. */
  deleteItemsOf(userId: string): Promise<DeletedItems>
  /** Answers false, and deletes nothing, while a reservation is open in the item. */
  deleteQuotaItem(of: Pick<QuotaItem, 'user_id' | 'window' | 'shard'>): Promise<boolean>
  /** The plans of the pipeline file that is in effect there. */
  readonly quotas: QuotaSettings
  /** Its models, and how each is protected. */
  readonly models: Readonly<Record<string, Policies>>
  readonly clock: Clock
  readonly ids: Ids
  readonly sleep: Sleep
  readonly random: Random
}

export function operatorOf(
  { outputs, dynamoDb, dynamoDbOnce, rdsData, s3, sqs }: Target,
  clock: Clock = systemClock,
  sleep: Sleep = systemSleep,
): Operator {
  const ledger = {
    LEDGER_CLUSTER_ARN: outputs.LedgerClusterArn,
    LEDGER_SECRET_ARN: outputs.LedgerSecretArn,
    LEDGER_DATABASE: outputs.LedgerDatabase,
  }
  return {
    access: dynamoAccessAdmin(dynamoDb, { keys: outputs.KeysTable, users: outputs.UsersTable }),
    quota: dynamoQuota(dynamoDb, outputs.QuotaTable, dynamoDbOnce),
    items: dynamoItems(dynamoDb, outputs.RequestsTable),
    ledger: rdsDataOperatorLedger(rdsData, ledger),
    deadLetters: rdsDataDeadLetters(rdsData, ledger),
    erasure: rdsDataErasure(rdsData, ledger),
    payloads: { ...s3Payloads(s3, outputs.PayloadsBucket), ...s3PayloadsAdmin(s3, outputs.PayloadsBucket) },
    queue: sqsQueue(sqs, outputs.QueueUrlPrefix),
    queueExists: sqsQueueExists(sqs, outputs.QueueUrlPrefix),
    sendInput: sqsSendInput(sqs, outputs.QueueUrlPrefix),
    countWaiting: sqsCountWaiting(sqs, outputs.QueueUrlPrefix),
    guards: dynamoGuards(dynamoDb, outputs.ModelsTable),
    allQuotaItems: () => allQuotaItems(dynamoDb, outputs.QuotaTable),
    allItems: () => allItems(dynamoDb, outputs.RequestsTable),
    deleteItemsOf: userId => deleteItemsOf(dynamoDb, outputs.RequestsTable, userId),
    deleteQuotaItem: of => deleteQuotaItem(dynamoDb, outputs.QuotaTable, of),
    quotas: outputs.Plans,
    models: outputs.Models,
    clock,
    ids: randomIds,
    sleep,
    random: systemRandom,
  }
}
