import { Worker } from 'node:worker_threads'
import { LocalError } from '../error.ts'

/** A message from an emulator's thread: its port, or why it can't start, or a note for the user. */
export type EmulatorMessage = { note: string } | { ready: { port: number } } | { refused: string } | { failed: string }

export interface Emulator {
  /**
   * Resolves to `http://127.0.0.1:PORT` when the emulator answers there. Rejects with LocalError if the user can fix the problem,
   * for example a database that can't be reached.
   */
  endpoint: Promise<string>
  /** Lets the emulator write its data, then ends it. An emulator that is not ready yet is ended at once. */
  close(): Promise<void>
}

const CLOSE_TIMEOUT_MS = 10_000

/** Starts an emulator in its own thread, so that a slow query in one emulator delays nothing else. */
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
