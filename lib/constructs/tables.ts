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

/** Where DynamoDB finds the time, in epoch seconds, at which it may clean an item up. */
const TTL_ATTRIBUTE = 'ttl'

/** What the system knows of requests, quotas, keys and users. Every question but the sweeper's is one about a key. */
export class Tables extends Construct {
  readonly requests: TableV2
  readonly quota: TableV2
  /** What the workers of a model know of it together: its circuit, its rate limit. */
  readonly models: TableV2
  readonly keys: TableV2
  readonly users: TableV2

  constructor(scope: Construct, id: string) {
    super(scope, id)
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
      // Queues absorb bursts, but admission and the authorizer meet them first: capacity must follow by itself.
      billing: Billing.onDemand(),
      // AWS-owned: a key of KMS would be asked, and billed, at every few reads, and protects from nobody else.
      encryption: TableEncryptionV2.dynamoOwnedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
  }
}

const text = (name: string): Attribute => ({ name, type: AttributeType.STRING })
