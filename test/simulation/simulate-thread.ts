import { parentPort, workerData } from 'node:worker_threads'
import { runHistory } from './history.ts'
import { seededChoices } from './random.ts'
import type { Failure, Progress, Share } from './simulate.ts'

const REPORTED_AT_ONCE = 100

const { backend, first, step, end }: Share = workerData
let failures: Failure[] = []
let [histories, steps, operations, fewest] = [0, 0, 0, Number.POSITIVE_INFINITY]

function report(): void {
  parentPort?.postMessage({ histories, steps, operations, fewest, failures } satisfies Progress)
  failures = []
  histories = steps = operations = 0
}

for (let seed = first; seed < end; seed += step) {
  const history = await runHistory(seededChoices(seed), { backend })
  histories += 1
  steps += history.steps
  operations += history.operations
  fewest = Math.min(fewest, history.operations)
  if (history.violation !== undefined) failures.push({ seed, violation: history.violation })
  if (histories === REPORTED_AT_ONCE || history.violation !== undefined) report()
}
report()
