import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { Backend } from './queues.ts'

/** The work of a thread since its last report to the main thread. */
export interface Progress {
  readonly histories: number
  readonly steps: number
  readonly operations: number
  /** The smallest number of operations in one history. */
  readonly fewest: number
  readonly failures: readonly Failure[]
}

export interface Failure {
  readonly seed: number
  readonly violation: string
}

/** The seeds of one thread: `first`, `first + step`, … below `end`. */
export interface Share {
  readonly backend: Backend
  readonly first: number
  readonly step: number
  readonly end: number
}

const NONE: Progress = { histories: 0, steps: 0, operations: 0, fewest: Number.POSITIVE_INFINITY, failures: [] }

interface Options {
  readonly backend?: Backend
  readonly onProgress?: (total: Progress) => void
}

/** Runs the histories of `count` seeds, beginning with `first`, on all cores. */
export async function simulate(
  first: number,
  count: number,
  { backend = 'sqs', onProgress = () => {} }: Options = {},
): Promise<Progress> {
  const step = availableParallelism()
  let total = NONE
  const threads = Array.from({ length: step }, (_, i) =>
    inThread({ backend, first: first + i, step, end: first + count }, progress => {
      total = {
        histories: total.histories + progress.histories,
        steps: total.steps + progress.steps,
        operations: total.operations + progress.operations,
        fewest: Math.min(total.fewest, progress.fewest),
        failures: [...total.failures, ...progress.failures],
      }
      onProgress(total)
    }),
  )
  await Promise.all(threads)
  return total
}

function inThread(share: Share, onProgress: (progress: Progress) => void): Promise<void> {
  const worker = new Worker(new URL('./simulate-thread.ts', import.meta.url), { workerData: share })
  worker.on('message', onProgress)
  return new Promise((resolve, reject) => {
    worker.on('error', reject)
    worker.on('exit', code => (code === 0 ? resolve() : reject(new Error(`a thread ended with ${code}`))))
  })
}
