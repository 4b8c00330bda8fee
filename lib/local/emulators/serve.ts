import { parentPort } from 'node:worker_threads'
import { LocalError, messageOf } from '../error.ts'
import type { EmulatorMessage } from './host.ts'

/** Runs in the thread of `startEmulator`: it starts the server, reports its port, and closes it on demand. */
export async function serve(start: () => Promise<{ port: number; close(): Promise<void> }>): Promise<void> {
  try {
    const { port, close } = await start()
    parentPort?.once('message', async () => {
      await close()
      process.exit()
    })
    tell({ ready: { port } })
  } catch (error) {
    tell(error instanceof LocalError ? { refused: error.message } : { failed: stackOf(error) })
  }
}

/** Sends a line to the user. */
export const note = (line: string): void => tell({ note: line })

function tell(message: EmulatorMessage): void {
  parentPort?.postMessage(message)
}

function stackOf(error: unknown): string {
  return error instanceof Error && error.stack ? error.stack : messageOf(error)
}
