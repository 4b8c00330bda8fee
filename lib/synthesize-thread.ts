// Synthesizes in its own thread, which then ends and frees the memory: synthesis takes half a gigabyte and some seconds of a core.
import { parentPort, workerData } from 'node:worker_threads'
import { synthesize } from './synthesize.ts'

export type SynthesizeMessage = { assembly: string } | { failed: string }

// An error of a thread's first file would arrive without its message, so this file sends it.
try {
  const { assembly } = await synthesize(workerData as Parameters<typeof synthesize>[0])
  tell({ assembly })
} catch (error) {
  tell({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}

function tell(message: SynthesizeMessage): void {
  parentPort?.postMessage(message)
}
