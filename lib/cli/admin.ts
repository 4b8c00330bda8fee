import type { RequestItem, Status } from '../../functions/core/domain/item.ts'
import type { QuotaSettings } from '../../functions/core/domain/quota-settings.ts'
import { dynamoModelStates } from '../../functions/core/flow-control/dynamodb.ts'
import { dynamoFailureNotes } from '../../functions/core/flow-control/last-failure.ts'
import type { Policies } from '../../functions/core/flow-control/policies.ts'
import type { FailureNotes, ModelStateStore } from '../../functions/core/flow-control/port.ts'
import { type Clock, type Sleep, systemClock, systemSleep } from '../../functions/core/platform/clock.ts'
import { type Ids, randomIds } from '../../functions/core/platform/ids.ts'
import { type Random, systemRandom } from '../../functions/core/platform/random.ts'
import { dynamoAccessAdmin } from '../../functions/core/stores/access/admin.ts'
import type { AccessAdmin } from '../../functions/core/stores/access/port.ts'
import { type LedgerActivity, rdsDataActivity } from '../../functions/core/stores/ledger/activity.ts'
import { type LedgerAdmin, rdsDataLedgerAdmin } from '../../functions/core/stores/ledger/admin.ts'
import { type DeadLetters, rdsDataDeadLetters } from '../../functions/core/stores/ledger/dead-letters.ts'
import { type LedgerErasure, rdsDataErasure } from '../../functions/core/stores/ledger/erasure.ts'
import { s3PayloadsAdmin } from '../../functions/core/stores/payloads/admin.ts'
import type { Payloads, PayloadsAdmin } from '../../functions/core/stores/payloads/port.ts'
import { s3Payloads } from '../../functions/core/stores/payloads/s3.ts'
import {
  allQuotaItems,
  deleteQuotaItem,
  openReservations,
  type QuotaItem,
} from '../../functions/core/stores/quota/admin.ts'
import { dynamoQuota } from '../../functions/core/stores/quota/dynamodb.ts'
import type { OpenReservation, Quota } from '../../functions/core/stores/quota/port.ts'
import {
  allItems,
  type DeletedItems,
  deleteItemsOf,
  itemsOf,
  statusesOf,
} from '../../functions/core/stores/requests/admin.ts'
import { dynamoItems } from '../../functions/core/stores/requests/dynamodb.ts'
import type { RequestItems } from '../../functions/core/stores/requests/port.ts'
import { endAllWaits } from '../../functions/core/stores/waits/admin.ts'
import { invokeFunction } from './invoke-function.ts'
import type { LogSource } from './logs/port.ts'
import { type OperatorsQueues, queuesOf } from './queues.ts'
import type { Target } from './target.ts'

/** The ports of an operator's commands. Each operation in operations/ takes the ports that it needs. */
export interface Admin extends OperatorsQueues {
  readonly access: AccessAdmin
  readonly quota: Quota
  readonly items: RequestItems
  readonly ledger: LedgerAdmin
  readonly activity: LedgerActivity
  readonly deadLetters: DeadLetters
  readonly erasure: LedgerErasure
  readonly payloads: Payloads & PayloadsAdmin
  readonly modelStates: ModelStateStore
  readonly failures: Pick<FailureNotes, 'last'>
  /** Invokes a model's worker with an event that is not a message, such as a probe. Resolves with the worker's answer. */
  invokeWorker(model: string, event: unknown): Promise<unknown>
  /** Reads all quota items, one page of the table at a time. `allItems` reads all request items in this way. */
  allQuotaItems(): AsyncIterable<QuotaItem[]>
  allItems(): AsyncIterable<RequestItem[]>
  /** Returns the statuses of many requests, by their ids. A request without an item is left out. */
  statusesOf(requests: readonly Pick<RequestItem, 'user_id' | 'request_id'>[]): Promise<Map<string, Status>>
  /** Returns the items of many requests, by their ids. A request without an item is left out. */
  itemsOf(requests: readonly Pick<RequestItem, 'user_id' | 'request_id'>[]): Promise<RequestItem[]>
  /** Returns the open reservations of all users, one page at a time. A reservation of the last second may be missing. */
  openReservations(): AsyncIterable<readonly OpenReservation[]>
  /** Deletes the items of a user in the requests table, except requests that wait or run. */
  deleteItemsOf(userId: string): Promise<DeletedItems>
  /**
   * Ends the leases of these users' waits, and all leases that count for all users together. `total` is the highest
   * number of leases that count for all users together.
   */
  endAllWaits(users: Iterable<string>, total: number): Promise<void>
  /** Deletes a quota item. Returns false, and deletes nothing, while a reservation is open in it. */
  deleteQuotaItem(of: Pick<QuotaItem, 'user_id' | 'window' | 'shard'>): Promise<boolean>
  /** The plans of the pipeline file that is in effect. */
  readonly quotas: QuotaSettings
  /** The logs of the functions. */
  readonly logs: LogSource
  /** The address of the API. Undefined if the outputs of the stack do not have the address. */
  readonly apiUrl: string | undefined
  /** The models of the pipeline file that is in effect, and the policies that protect each one. */
  readonly models: Readonly<Record<string, Policies>>
  readonly clock: Clock
  readonly ids: Ids
  readonly sleep: Sleep
  readonly random: Random
}

export function adminOf(
  { outputs, dynamoDb, dynamoDbOnce, rdsData, s3, sqs, lambdaOnce, logs }: Target,
  clock: Clock = systemClock,
  sleep: Sleep = systemSleep,
): Admin {
  const ledger = {
    LEDGER_CLUSTER_ARN: outputs.LedgerClusterArn,
    LEDGER_SECRET_ARN: outputs.LedgerSecretArn,
    LEDGER_DATABASE: outputs.LedgerDatabase,
  }
  const queues = queuesOf({ outputs, sqs, lambdaOnce })
  return {
    access: dynamoAccessAdmin(dynamoDb, { keys: outputs.KeysTable, users: outputs.UsersTable }),
    quota: dynamoQuota(dynamoDb, outputs.QuotaTable, dynamoDbOnce, queues.givesWayAbove !== undefined),
    items: dynamoItems(dynamoDb, outputs.RequestsTable),
    ledger: rdsDataLedgerAdmin(rdsData, ledger),
    activity: rdsDataActivity(rdsData, ledger),
    deadLetters: rdsDataDeadLetters(rdsData, ledger),
    erasure: rdsDataErasure(rdsData, ledger),
    payloads: { ...s3Payloads(s3, outputs.PayloadsBucket), ...s3PayloadsAdmin(s3, outputs.PayloadsBucket) },
    ...queues,
    failures: dynamoFailureNotes(dynamoDb, outputs.ModelsTable),
    modelStates: dynamoModelStates(dynamoDb, outputs.ModelsTable),
    invokeWorker: (model, event) => invokeFunction(lambdaOnce, outputs.Workers?.[model], event),
    allQuotaItems: () => allQuotaItems(dynamoDb, outputs.QuotaTable),
    allItems: () => allItems(dynamoDb, outputs.RequestsTable),
    statusesOf: requests => statusesOf(dynamoDb, outputs.RequestsTable, requests),
    itemsOf: requests => itemsOf(dynamoDb, outputs.RequestsTable, requests),
    openReservations: () => openReservations(dynamoDb, outputs.QuotaTable),
    deleteItemsOf: userId => deleteItemsOf(dynamoDb, outputs.RequestsTable, userId),
    endAllWaits: (users, total) => endAllWaits(dynamoDb, outputs.RequestsTable, users, total),
    deleteQuotaItem: of => deleteQuotaItem(dynamoDb, outputs.QuotaTable, of),
    quotas: outputs.Plans,
    logs,
    apiUrl: outputs.ApiUrl,
    models: outputs.Models,
    clock,
    ids: randomIds,
    sleep,
    random: systemRandom,
  }
}
