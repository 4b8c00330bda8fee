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

/** The tables of requests, quotas, models, keys and users. Functions read one item, or the items of one user. Only the sweeper scans: it scans an index. */
export class Tables extends Construct {
  readonly requests: TableV2
  readonly quota: TableV2
  /** The state of each model, such as its circuit breaker and its rate limit. All environments of the model's worker share this state. */
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
      // Admission and the authorizer use the tables before a request waits in a queue. So the tables get every burst of
      // calls directly, and their capacity must adapt by itself.
      billing: Billing.onDemand(),
      // The encryption key belongs to AWS. With a KMS key, AWS would bill a call of KMS for every few reads. And a KMS key
      // would not protect the data from any additional person.
      encryption: TableEncryptionV2.dynamoOwnedKey(),
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      deletionProtection: this.#protect,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    })
  }
}

const text = (name: string): Attribute => ({ name, type: AttributeType.STRING })
