import { GIVES_WAY_ABOVE, givesWay } from '../../functions/core/domain/gives-way.ts'
import { Priority } from '../../functions/core/domain/ids.ts'
import type { Pipeline } from '../config/schema.ts'
import { BILLED_SECONDS } from './assumptions.ts'
import { bulkMappingOf, type Inventory } from './inventory.ts'
import { type Item, item } from './item.ts'
import { type Load, type ModelLoad, perInvocation, startGbSeconds, type Traffic } from './load.ts'
import { PRICES } from './prices.ts'

/**
 * The invocations and the billed time of the function that moves messages out of bulk queues (in which messages of users
 * with many open requests wait). The time includes the starts of its environments.
 */
interface Moves {
  readonly invocations: number
  readonly gbSeconds: number
}

/**
 * Returns the cost of the function that moves messages out of the bulk queues of RabbitMQ. Only requests of users with many
 * open requests wait in bulk queues. So the result is empty if the users of this traffic have few open requests.
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
 * Returns the moves for the requests of one model. Requests that are spread evenly do not wait in a bulk queue, so only the
 * moves take time. In bursts, requests wait in the bulk queues, and the function waits with them: one invocation per
 * bulk queue runs as long as the model has requests. Returns undefined with SQS, which has no bulk queues.
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
