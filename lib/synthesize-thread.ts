// Synthesizes in a thread that ends with it: half a gigabyte and some seconds of a whole core, which the runner then has back.
import { parentPort, workerData } from 'node:worker_threads'
import { synthesize } from './synthesize.ts'

export type SynthesizeMessage = { assembly: string } | { failed: string }

// An error that is thrown while a thread's first file runs arrives without its message.
try {
  const { assembly } = await synthesize(workerData as Parameters<typeof synthesize>[0])
  tell({ assembly })
} catch (error) {
  tell({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}

function tell(message: SynthesizeMessage): void {
  parentPort?.postMessage(message)
}
