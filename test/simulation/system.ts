import { createDeferralCheck } from './check/deferrals.ts'
import { checkModelStateWrite, unprotected, watched } from './check/flow-control.ts'
import { checkInputKeyWrite } from './check/inputs.ts'
import { checkItemWrite } from './check/items.ts'
import { checkKeyWrite } from './check/keys.ts'
import type { Known } from './check/known.ts'
import { checkRow } from './check/ledger.ts'
import { checkQuotaWrite } from './check/quota.ts'
import { checkLeasesWrite } from './check/waiting.ts'
import { compose, type PlantedBug, type Ports, type Services } from './compose.ts'
import { endpointFor } from './endpoint.ts'
import { countedIds } from './ids.ts'
import type { Invocation } from './invocation.ts'
import { dynamoDbModel, type OnWrite } from './models/dynamodb.ts'
import type { Item } from './models/expression.ts'
import { rdsDataModel } from './models/rds-data.ts'
import { s3Model } from './models/s3.ts'
import type { Mood } from './mood.ts'
import type { WorkerSettings } from './policies.ts'
import { createProcesses } from './processes.ts'
import type { Backend } from './queues.ts'
import { rabbitMqQueues } from './rabbitmq-queues.ts'
import { evenly } from './random.ts'
import { GATEWAY, MODEL, TABLES } from './settings.ts'
import { sqsQueues } from './sqs-queues.ts'
import type { World } from './world.ts'

export interface System {
  readonly world: World
  readonly services: Services
  readonly known: Known
  readonly policies: WorkerSettings
  readonly bug: PlantedBug | undefined
  /** The ports of one invocation. */
  portsOf(by: Invocation): Ports
}

/** Is called with each stored item of a table, and with the text of each stored message of a queue. */
export type OnStored = (where: string, stored: Item | string) => void

interface Variant {
  readonly bug: PlantedBug | undefined
  readonly onStored: OnStored | undefined
  readonly backend: Backend
}

const QUEUES_OF = { sqs: sqsQueues, rabbitmq: rabbitMqQueues } satisfies Record<Backend, typeof sqsQueues>

/** Creates all simulated services without data. Each write to DynamoDB and each row of Postgres is checked against the invariants. */
export function createSystem(
  world: World,
  { failing }: Mood,
  policies: WorkerSettings,
  { bug, onStored = () => undefined, backend }: Variant,
): System {
  const onWrite: OnWrite = (table, before, after) => {
    onStored(table, after)
    if (table === 'models') checkModelStateWrite(known, before, after)
    else if (table === 'quota') checkQuotaWrite(known, before, after)
    else if (after.request_id?.S?.startsWith('key#input#')) checkInputKeyWrite(known, before, after)
    else if (after.request_id?.S?.startsWith('key#')) checkKeyWrite(known, before, after)
    else if (after.request_id?.S === 'wait#') checkLeasesWrite(known, after)
    else checkItemWrite(known, before, after)
  }
  const services: Services = {
    dynamoDb: dynamoDbModel(TABLES, onWrite),
    queues: QUEUES_OF[backend](world, onStored),
    s3: s3Model(),
    rdsData: rdsDataModel((before, after) => checkRow(known, before, after)),
  }
  const known: Known = {
    world,
    queues: services.queues,
    rdsData: services.rdsData,
    s3: services.s3,
    items: new Map(),
    ended: new Map(),
    inputs: new Map(),
    erasing: new Set(),
    erased: new Map(),
    calls: new Map(),
    settled: new Map(),
    calling: new Map(),
    received: new Map(),
    aloneBy: new Map(),
    uncounted: new Map(),
    succeeded: new Set(),
    arrived: 0,
    protection: unprotected(policies),
    models: GATEWAY.models,
    deployedWithout: new Set(),
    hasLostMessages: false,
  }
  const ids = countedIds()
  const checkDeferrals = createDeferralCheck(known, services.queues)
  const flowControlOf = createProcesses({
    ...world,
    random: () => world.choices.of(evenly([0, 0.5, 1])),
    ids,
    policies,
    bug,
  })
  return {
    world,
    services,
    known,
    bug,
    policies,
    portsOf: by => {
      if (!known.models.includes(MODEL)) known.deployedWithout.add(by.name)
      return compose(world, services, ids, by, {
        endpoint: endpointFor(known, by, failing),
        flowControl: store => watched(known, by, flowControlOf(by, store)),
        policies,
        models: known.models,
        onSend: sent => checkDeferrals(by, sent),
        bug,
      })
    },
  }
}
