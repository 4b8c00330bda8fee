import { Worker } from 'node:worker_threads'
import { LocalError } from '../error.ts'

/** What an emulator's thread tells: where it listens, or why it doesn't; later, what who runs the system should know. */
export type EmulatorMessage = { note: string } | { ready: { port: number } } | { refused: string } | { failed: string }

export interface Emulator {
  /**
   * `http://127.0.0.1:PORT`, once it answers there. Rejects with LocalError for what the user can put right,
   * such as a database that can't be reached.
   */
  endpoint: Promise<string>
  /** Lets it write what it holds, then ends it; one that isn't ready yet is ended at once. */
  close(): Promise<void>
}

const CLOSE_TIMEOUT_MS = 10_000

/** Starts an emulator in a thread of its own, so that a slow query in one of them holds up nothing else. */
export function startEmulator(module: URL, workerData: unknown, log: (line: string) => void): Emulator {
  const worker = new Worker(module, { workerData })
  const endpoint = Promise.withResolvers<string>()
  const exited = Promise.withResolvers<void>()
  let isReady = false

  worker.on('message', (message: EmulatorMessage) => {
    if ('note' in message) return log(message.note)
    if ('refused' in message) return endpoint.reject(new LocalError(message.refused))
    if ('failed' in message) return endpoint.reject(new Error(message.failed))
    isReady = true
    endpoint.resolve(`http://127.0.0.1:${message.ready.port}`)
  })
  worker.on('error', error => {
    if (isReady) log(`${module.pathname.split('/').at(-1)} failed: ${error}`)
    endpoint.reject(error)
  })
  worker.on('exit', () => {
    endpoint.reject(new Error('An emulator ended while it started.'))
    exited.resolve()
  })

  return {
    endpoint: endpoint.promise,
    async close() {
      if (isReady) worker.postMessage('close')
      else await worker.terminate()
      const timer = setTimeout(() => void worker.terminate(), CLOSE_TIMEOUT_MS)
      await exited.promise
      clearTimeout(timer)
    },
  }
}
