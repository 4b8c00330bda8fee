import type { Logger } from '@aws-lambda-powertools/logger'
import type { TakeResultsPorts } from '../../functions/collector/ports.ts'
import { createEstimator } from '../../functions/core/admission/estimate.ts'
import { createRouter } from '../../functions/core/admission/route.ts'
import type { InferenceMessage } from '../../functions/core/domain/messages.ts'
import { dynamoModelStates } from '../../functions/core/flow-control/dynamodb.ts'
import type { FlowControl, ModelStateStore } from '../../functions/core/flow-control/port.ts'
import { createJudge } from '../../functions/core/inference/judge.ts'
import { createMappings } from '../../functions/core/inference/mapping.ts'
import type { ModelEndpoint } from '../../functions/core/inference/port.ts'
import type { RedrivePorts } from '../../functions/core/lifecycle/redrive-request.ts'
import { countCalls } from '../../functions/core/platform/call-counter.ts'
import type { Ids } from '../../functions/core/platform/ids.ts'
import type { Meter } from '../../functions/core/platform/metrics/meter.ts'
import { untraced } from '../../functions/core/platform/tracing/port.ts'
import { reaching } from '../../functions/core/platform/unavailable.ts'
import type { QueueReceiver } from '../../functions/core/queue/port.ts'
import { dynamoKeys } from '../../functions/core/stores/idempotency/dynamodb.ts'
import { dynamoInputKeys } from '../../functions/core/stores/idempotency/dynamodb-inputs.ts'
import { rdsDataLedger } from '../../functions/core/stores/ledger/rds-data.ts'
import { s3Payloads } from '../../functions/core/stores/payloads/s3.ts'
import { dynamoQuota } from '../../functions/core/stores/quota/dynamodb.ts'
import { dynamoItems } from '../../functions/core/stores/requests/dynamodb.ts'
import { dynamoWaitLeases } from '../../functions/core/stores/waits/dynamodb.ts'
import type { GatewayPorts } from '../../functions/gateway/ports.ts'
import type { IntakePorts } from '../../functions/intake/ports.ts'
import type { ReaderPorts } from '../../functions/reader/ports.ts'
import type { SweeperPorts } from '../../functions/sweeper/ports.ts'
import type { WorkerPorts } from '../../functions/worker/ports.ts'
import { describeCommand } from './describe-command.ts'
import type { Invocation, Service } from './invocation.ts'
import { type DynamoDbModel, dynamoDbClient } from './models/dynamodb.ts'
import { type RdsDataModel, rdsDataClient } from './models/rds-data.ts'
import { type S3Model, s3Client } from './models/s3.ts'
import type { WorkerSettings } from './policies.ts'
import type { Adapter, Calling, Queues, Sent } from './queues.ts'
import { evenly } from './random.ts'
import { GATEWAY, GIVES_WAY_ABOVE, LEDGER_ENV, MAPPINGS, USERS, WAIT_LIMITS } from './settings.ts'
import type { World } from './world.ts'

export interface Services {
  readonly dynamoDb: DynamoDbModel
  readonly queues: Queues
  readonly s3: S3Model
  readonly rdsData: RdsDataModel
}

export type Ports = GatewayPorts &
  IntakePorts &
  ReaderPorts &
  WorkerPorts &
  TakeResultsPorts &
  SweeperPorts &
  RedrivePorts & {
    readonly ledger: ReaderPorts['ledger'] & TakeResultsPorts['ledger']
    readonly receiver: QueueReceiver<unknown, unknown>
    readonly mover?: Adapter['mover']
  }

/** A planted bug: a bug that a test puts into Sluice on purpose. It changes the commands that the real adapters send, or the ports that they offer. */
export interface PlantedBug {
  readonly name: string
  /** A seed whose history showed this rare bug. The search begins with this seed, so that it does not take long. */
  readonly seenAt?: number
  /** Changes a command on its way to a service. */
  readonly command?: (command: unknown) => unknown
  readonly ports?: (ports: Ports, by: Invocation) => Ports
  /** Changes how a worker's process reads and writes the state of the model. */
  readonly modelStates?: (store: ModelStateStore) => ModelStateStore
  /** Changes the message that an operator redrives. */
  readonly letter?: (message: InferenceMessage, item: { readonly run: number }) => InferenceMessage
}

/** The AI model and its flow control. */
interface Model {
  readonly endpoint: ModelEndpoint
  readonly flowControl: (store: ModelStateStore) => FlowControl
  readonly policies: WorkerSettings
  /** The AI models in the pipeline.yaml with which the functions were deployed. */
  readonly models: readonly string[]
  /** Is called with each message that is sent. */
  readonly onSend: (sent: Sent) => void
  readonly bug: PlantedBug | undefined
}

const mappings = createMappings(MAPPINGS)
const route = createRouter(GATEWAY)
const estimate = createEstimator(GATEWAY)
/** Drops metrics: no check reads them. */
const metrics: Meter = { add: () => undefined }

/** Builds the real adapters for one invocation, on top of the simulated services. The scheduler runs each call to a service as one step. */
export function compose(
  world: World,
  services: Services,
  ids: Ids,
  by: Invocation,
  { endpoint, flowControl, policies, models, onSend, bug }: Model,
): Ports {
  const { dynamoDb, queues, s3, rdsData } = services
  const calling: Calling =
    (service, execute, repeats = true) =>
    command => {
      const asked = bug?.command ? bug.command(command) : command
      const effect = () => execute(asked)
      return world.call(by, service(asked), () => describeCommand(asked), effect, repeats)
    }
  const execute = (command: unknown) => dynamoDb.execute(command, () => isLate(world))
  const dynamo = dynamoDbClient(calling(tableOf, execute))
  const once = dynamoDbClient(calling(tableOf, execute, false))
  const random = () => world.choices.of(evenly([0, 0.5, 1]))
  const yields = queues.backend === 'rabbitmq'
  const ports: Ports = {
    items: dynamoItems(dynamo, 'requests'),
    keys: dynamoKeys(dynamo, 'requests'),
    inputs: dynamoInputKeys(dynamo, 'requests'),
    users: { user: userId => usersOf(world, by, userId) },
    route,
    estimate,
    logger: silent,
    tracing: untraced,
    startCallSpan: () => untraced.start('call'),
    quota: dynamoQuota(dynamo, 'quota', once, yields),
    ...queues.adapter(calling, onSend),
    payloads: s3Payloads(
      s3Client(
        calling(
          () => 'payloads',
          command => s3.execute(command),
        ),
      ),
      'payloads',
    ),
    ledger: rdsDataLedger(
      rdsDataClient(
        calling(
          () => 'ledger',
          command => rdsData.execute(command),
        ),
      ),
      LEDGER_ENV,
    ),
    waiting: { leases: dynamoWaitLeases(once, 'requests', random), limits: WAIT_LIMITS },
    endpoint,
    judge: createJudge({ ...policies, has_secret: true }, world.clock),
    mappings,
    models,
    // This counter belongs to one environment. Each simulated invocation has its own environment, so only the quota item limits a user's calls.
    calls: countCalls(),
    clock: world.clock,
    sleep: ms => world.sleep(by, ms),
    ids,
    metrics,
    stores_prompts: true,
    settings: { ...GATEWAY, ...policies, store_prompts: true, ...(yields && { gives_way_above: GIVES_WAY_ABOVE }) },
    flowControl: flowControl(dynamoModelStates(dynamo, 'models')),
    random,
  }
  return bug?.ports ? bug.ports(ports, by) : ports
}

/** Reads a user from the users table. The content is fixed, but the read can fail like any other call. */
const usersOf = (world: World, by: Invocation, userId: string) =>
  reaching('the users table', () =>
    world.call(
      by,
      'requests',
      () => `looks up ${userId}`,
      () => ({ user_id: userId, plan: USERS[userId] ?? GATEWAY.quotas.default_plan, overrides: {} }),
    ),
  )

function tableOf(command: unknown): Service {
  const { input } = command as { input: { TableName?: string; RequestItems?: object } }
  const [name = ''] = input.RequestItems ? Object.keys(input.RequestItems) : [input.TableName]
  return name === 'quota' || name === 'models' ? name : 'requests'
}

/** Chooses whether an eventually consistent read misses the last write of each item, as it may on AWS. While faults are off, no read misses a write. */
const isLate = (world: World): boolean =>
  world.faultsLeft() > 0 &&
  world.choices.of([
    [5, false],
    [1, true],
  ])

/** Drops log lines: no check reads them. */
export const silent = { error: () => undefined, warn: () => undefined, info: () => undefined } as unknown as Logger
