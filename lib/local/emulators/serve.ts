import { parentPort } from 'node:worker_threads'
import { LocalError, messageOf } from '../error.ts'
import { answerCalls, type Call } from './calls.ts'
import type { EmulatorMessage, HostMessage } from './host.ts'

interface Server {
  port: number
  close(): Promise<void>
  /** Answers a question of the main thread. */
  answer?(question: unknown): unknown
  /** Performs a call of another thread. */
  call: Call
}

/**
 * The main loop of an emulator's thread, which `startEmulator` has started. Starts the server, and reports its port to the main thread. Then it answers
 * the main thread's questions, and closes the server when the main thread asks for it.
 */
export async function serve(start: () => Promise<Server>): Promise<void> {
  try {
    const { port, close, answer, call } = await start()
    parentPort?.on('message', async (message: HostMessage) => {
      if (typeof message === 'object' && 'connect' in message) return answerCalls(message.connect, call)
      if (message !== 'close') return tell({ answer: answer?.(message.question), to: message.id })
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
