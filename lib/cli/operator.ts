import { dynamoAccessAdmin } from '../../functions/access/admin.ts'
import type { AccessAdmin } from '../../functions/access/port.ts'
import { dynamoItems } from '../../functions/items/dynamodb.ts'
import type { RequestItems } from '../../functions/items/port.ts'
import { type OperatorLedger, rdsDataOperatorLedger } from '../../functions/ledger/operator.ts'
import type { Payloads } from '../../functions/payloads/port.ts'
import { s3Payloads } from '../../functions/payloads/s3.ts'
import { type Clock, systemClock } from '../../functions/platform/clock.ts'
import { dynamoQuota } from '../../functions/quota/dynamodb.ts'
import type { Quota } from '../../functions/quota/port.ts'
import type { QuotaSettings } from '../../functions/requests/quota-settings.ts'
import type { Target } from './target.ts'

/** What an operator works with: the operations in operations/ are functions over it. */
export interface Operator {
  readonly access: AccessAdmin
  readonly quota: Pick<Quota, 'read'>
  readonly items: Pick<RequestItems, 'get'>
  readonly ledger: OperatorLedger
  readonly payloads: Pick<Payloads, 'get'>
  /** The plans of the pipeline file that is in effect there. */
  readonly quotas: QuotaSettings
  readonly clock: Clock
}

export function operatorOf({ outputs, dynamoDb, rdsData, s3 }: Target, clock: Clock = systemClock): Operator {
  return {
    access: dynamoAccessAdmin(dynamoDb, { keys: outputs.KeysTable, users: outputs.UsersTable }),
    quota: dynamoQuota(dynamoDb, outputs.QuotaTable),
    items: dynamoItems(dynamoDb, outputs.RequestsTable),
    ledger: rdsDataOperatorLedger(rdsData, {
      LEDGER_CLUSTER_ARN: outputs.LedgerClusterArn,
      LEDGER_SECRET_ARN: outputs.LedgerSecretArn,
      LEDGER_DATABASE: outputs.LedgerDatabase,
    }),
    payloads: s3Payloads(s3, outputs.PayloadsBucket),
    quotas: outputs.Plans,
    clock,
  }
}
