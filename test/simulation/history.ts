import type { Told } from './check/answers.ts'
import { checkRest } from './check/end.ts'
import { createClients } from './clients.ts'
import type { PlantedBug } from './compose.ts'
import { createConsumers } from './consumers.ts'
import { MOODS } from './mood.ts'
import { createOperations } from './operations.ts'
import type { Backend } from './queues.ts'
import { type Choices, evenly } from './random.ts'
import { START } from './settings.ts'
import { createSystem, type OnStored } from './system.ts'
import { createTrouble } from './trouble.ts'
import { createWorld } from './world.ts'

/** The result of one simulated run of Sluice. */
export interface History {
  /** The broken invariant, and a description. Undefined if no invariant was broken. */
  readonly violation: string | undefined
  /** One line per step. Empty unless `tracing` is set. */
  readonly lines: readonly string[]
  /** All random decisions of the history. With this list, the same history can be run again, for example to shorten it. */
  readonly choices: readonly number[]
  readonly steps: number
  readonly operations: number
}

export interface Options {
  readonly tracing?: boolean
  readonly bug?: PlantedBug | undefined
  /** The backend of the queues. */
  readonly backend?: Backend | undefined
  /** Is called with each item and each message when it is stored. */
  readonly onStored?: OnStored | undefined
}

const SWEEP_MS = 5 * 60_000

/** When the faults have stopped, each request must end within this time: its deadline, a lease, a few sweeps, and three leases for three worker crashes. */
const REST_WITHIN = 2 * 3_600_000
/**
 * A history with more steps counts as endless, and breaks I12. On SQS, the longest of 6,000 histories has 5,403 steps. On RabbitMQ,
 * histories have more steps: each check of a queue by the function that empties bulk queues (the mover) is a step, and each message that
 * waits for a lease causes a step.
 */
const MAX_STEPS = { sqs: 10_000, rabbitmq: 20_000 }

/** How many faults a history has, as pairs of a weight and an option: `count` faults, with `every` successful calls between two faults on average. */
const FAULTS: readonly (readonly [number, { readonly count: number; readonly every: number }])[] = [
  [1, { count: 0, every: 1 }],
  [2, { count: 3, every: 40 }],
  [4, { count: 8, every: 20 }],
  [3, { count: 20, every: 10 }],
  [1, { count: 60, every: 4 }],
]
/** The number of operations of clients and operators in a history. */
const OPERATIONS = [20, 30, 40]
/** The number of further events after the last operation. In these events, faults are still on, so they also meet requests that end late. */
const PATIENCE = [0, 60, 200]

/** Runs one history. The choices decide the order of calls, functions and faults. Then the faults stop, all work ends, and the stores are checked. */
export async function runHistory(
  choices: Choices,
  { tracing = false, bug, onStored, backend = 'sqs' }: Options = {},
): Promise<History> {
  const world = createWorld(choices, START, tracing)
  const mood = choices.of(MOODS)
  const system = createSystem(world, mood, choices.of(mood.policies), { bug, onStored, backend })
  const told: Told = { accepted: new Map(), ends: new Map(), cancelled: new Set() }
  const operations = createOperations(system, createClients(system, told), mood)
  const consumers = createConsumers(system)
  const trouble = createTrouble(system, consumers, operations)
  const { dynamoDb, queues } = system.services
  await queues.open()

  const goesOn = () => world.violation() === undefined && world.steps() < MAX_STEPS[backend]

  async function inTrouble(): Promise<void> {
    const { count, every } = choices.of(FAULTS)
    world.allow(count, every, mood.troubled)
    const planned = choices.of(evenly(OPERATIONS))
    let patience = choices.of(evenly(PATIENCE))
    while (goesOn() && (operations.count() < planned || patience-- > 0)) {
      trouble.next(operations.count() < planned)
      await world.settle()
    }
  }

  const isSettled = () => [...dynamoDb.items('quota')].every(({ open }) => Object.keys(open?.M ?? {}).length === 0)

  /** Runs without faults. It makes all calls in their order, then delivers messages, then starts a sweep every five minutes, and then advances the clock. */
  async function atRest(): Promise<void> {
    world.rest()
    const until = world.clock() + REST_WITHIN
    let nextSweep = world.clock()
    while (goesOn()) {
      await world.settle()
      if (world.isBusy()) world.stepOldest()
      else if (consumers.ready().length > 0) consumers.deliverAll()
      else if (world.clock() >= nextSweep) {
        nextSweep = world.clock() + SWEEP_MS
        consumers.sweep()
      } else if ((isSettled() && !Number.isFinite(trouble.nextDue())) || world.clock() > until) break
      else world.advanceTo(Math.min(trouble.nextDue(), nextSweep))
    }
    if (goesOn()) checkRest(system.known, told, dynamoDb, queues)
  }

  await inTrouble()
  await atRest()
  operations.submitLastAgain()
  await atRest()
  if (world.steps() >= MAX_STEPS[backend]) world.violate('I12 no end of it')
  return {
    violation: world.violation(),
    lines: world.history,
    choices: choices.taken,
    steps: world.steps(),
    operations: operations.count(),
  }
}
