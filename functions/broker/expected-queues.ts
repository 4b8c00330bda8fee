import { bulkOf, DEAD_LETTERS, RESULTS_QUEUE, UNDELIVERED } from '../core/queue/names.ts'
import type { Settings } from './settings.ts'

/**
 * Returns the names of the queues that the stack declares on its broker: those of the models, the results and the inputs.
 * `prefix` is the beginning of the names of the deployment's own queues.
 */
export function expectedQueues(prefix: string, { longest_call_ms, inputs }: Settings): string[] {
  const ofModels = Object.keys(longest_call_ms).flatMap(queue => [queue, bulkOf(queue)])
  const shared = [UNDELIVERED, RESULTS_QUEUE, RESULTS_QUEUE + DEAD_LETTERS].map(name => prefix + name)
  const ofInputs = inputs.flatMap(queue => [queue, queue + DEAD_LETTERS])
  return [...ofModels, ...shared, ...ofInputs]
}
