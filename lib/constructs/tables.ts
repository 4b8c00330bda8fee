import { RemovalPolicy } from 'aws-cdk-lib'
import {
  type Attribute,
  AttributeType,
  Billing,
  ProjectionType,
  TableEncryptionV2,
  type TablePropsV2,
  TableV2,
} from 'aws-cdk-lib/aws-dynamodb'
import { Construct } from 'constructs'
import { WATCHED } from '../../functions/core/stores/quota/names.ts'

type Keys = Pick<TablePropsV2, 'partitionKey' | 'sortKey' | 'timeToLiveAttribute' | 'globalSecondaryIndexes'>

/** The attribute with the time, in epoch seconds, from which DynamoDB may delete an item. */
const TTL_ATTRIBUTE = 'ttl'

/** The tables of requests, quotas, models, keys and users. Functions read one item or the items of one user; only the sweeper scans. */
export class Tables extends Construct {
  readonly requests: TableV2
  readonly quota: TableV2
  /** The state of each model that its workers share: its circuit and its rate limit. */
  readonly models: TableV2
  readonly keys: TableV2
  readonly users: TableV2

  readonly #protect: boolean

  constructor(scope: Construct, id: string, { protect }: { protect: boolean }) {
    super(scope, id)
    this.#protect = protect
    const requestKey = { partitionKey: text('user_id'), sortKey: text('request_id') }
    this.requests = this.#table('Requests', { ...requestKey, timeToLiveAttribute: TTL_ATTRIBUTE })
    this.quota = this.#table('Quota', {
      partitionKey: text('pk'),
      timeToLiveAttribute: TTL_ATTRIBUTE,
      globalSecondaryIndexes: [
        { indexName: WATCHED, partitionKey: text(WATCHED), projectionType: ProjectionType.KEYS_ONLY },
      ],
    })
    this.models = this.#table('Models', { partitionKey: text('model') })
    this.keys = this.#table('Keys', { partitionKey: text('key_id') })
    this.users = this.#table('Users', { partitionKey: text('user_id') })
  }

  #table(id: string, keys: Keys): TableV2 {
    return new TableV2(this, id, {
      ...keys,
      // Bursts reach admission and the authorizer before any queue, so the capacity of the tables must adapt by itself.
      billing: Billing.onDemand(),
      // The key belongs to AWS. A KMS key would be called and billed for every few reads, and would not protect from
      // anybody else.
      encryption: TableEncryptionV2.dynamoOwnedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: this.#protect,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    })
  }
}

const text = (name: string): Attribute => ({ name, type: AttributeType.STRING })
