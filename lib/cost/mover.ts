import { GIVES_WAY_ABOVE, givesWay } from '../../functions/core/domain/gives-way.ts'
import { Priority } from '../../functions/core/domain/ids.ts'
import type { Pipeline } from '../config/schema.ts'
import { BILLED_SECONDS } from './assumptions.ts'
import { bulkMappingOf, type Inventory } from './inventory.ts'
import { type Item, item } from './item.ts'
import { type Load, type ModelLoad, perInvocation, startGbSeconds, type Traffic } from './load.ts'
import { PRICES } from './prices.ts'

/** The invocations of the function that moves messages out of bulk queues, and its time, including its starts. */
interface Moves {
  readonly invocations: number
  readonly gbSeconds: number
}

/**
 * Returns the costs of moving messages out of the bulk queues of a broker. The requests of users with many open requests
 * pass these queues.
 */
export function moverItems(pipeline: Pipeline, inventory: Inventory, load: Load, traffic: Traffic): Item[] {
  if (traffic.requests === 0 || !givesWay(traffic.open, GIVES_WAY_ABOVE)) return []
  const moves = load.models.flatMap(model => movesOf(pipeline, inventory, model, traffic) ?? [])
  if (moves.length === 0) return []
  const sum = (of: keyof Moves) => moves.reduce((total, move) => total + move[of], 0)
  return [
    item('Lambda', 'moves out of bulk queues: invocations', sum('invocations'), PRICES.invocation),
    item('Lambda', 'moves out of bulk queues: time', sum('gbSeconds'), PRICES.gbSecond),
  ]
}

/**
 * Evenly spread requests don't wait in a bulk queue. In bursts, they wait, and the function waits with them: one invocation
 * per bulk queue runs as long as the model has requests. Returns undefined with SQS, which has no bulk queues.
 */
function movesOf(
  pipeline: Pipeline,
  inventory: Inventory,
  { model, requests, busySeconds }: ModelLoad,
  { spread }: Traffic,
): Moves | undefined {
  const bulk = bulkMappingOf(inventory, pipeline.name, model, Priority.enum.normal)
  if (!bulk) return undefined
  const together =
    spread === 'bursts' ? bulk.batchSize : perInvocation(bulk, requests / busySeconds, BILLED_SECONDS.broker)
  const invocations = requests / together
  const waiting = spread === 'bursts' ? bulk.maxConcurrency * busySeconds : 0
  const seconds = Math.max(waiting, invocations * BILLED_SECONDS.broker)
  return { invocations, gbSeconds: (seconds * bulk.memory) / 1_024 + startGbSeconds(invocations, bulk.memory) }
}
