import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { LocalError } from '../error.ts'
import { YOUNG_MB } from '../lambda/memory.ts'

/** A message from an emulator's thread: a note for the user, the emulator's port, the reason why it can't start, or an answer. */
export type EmulatorMessage =
  | { note: string }
  | { ready: { port: number } }
  | { refused: string }
  | { failed: string }
  | { answer: unknown; to: number }

/** A message to an emulator's thread. */
export type HostMessage = 'close' | { question: unknown; id: number } | { connect: MessagePort }

export interface Emulator {
  /**
   * Resolves to `http://127.0.0.1:PORT` when the emulator answers there. Rejects with LocalError if the user can fix the problem,
   * for example a database that can't be reached.
   */
  endpoint: Promise<string>
  /** Asks the emulator's thread for something that its AWS API can't tell. Resolves with undefined if the thread has ended. */
  ask(question: unknown): Promise<unknown>
  /** Makes a connection for calls without HTTP (see calls.ts). The emulator answers these calls as soon as it is ready. */
  connect(): MessagePort
  /** Ends the emulator when it has written its data. An emulator that is not ready yet is ended at once. */
  close(): Promise<void>
}

const CLOSE_TIMEOUT_MS = 10_000

/** Starts an emulator in its own thread. So a slow query in one emulator does not delay the rest of the system. */
export function startEmulator(module: URL, workerData: unknown, log: (line: string) => void): Emulator {
  // `top -H` and `npm run profile` show the thread's `name`.
  const worker = new Worker(module, {
    workerData,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    name: module.pathname.replace(/^.*\/|\.m?[jt]s$/g, ''),
  })
  const endpoint = Promise.withResolvers<string>()
  const exited = Promise.withResolvers<void>()
  const asked = new Map<number, (answer: unknown) => void>()
  let isReady = false
  let hasExited = false
  let questions = 0

  worker.on('message', (message: EmulatorMessage) => {
    if ('note' in message) return log(message.note)
    if ('answer' in message) return settle(message.to, message.answer)
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
    hasExited = true
    for (const id of asked.keys()) settle(id, undefined)
  })

  function settle(id: number, answer: unknown): void {
    asked.get(id)?.(answer)
    asked.delete(id)
  }

  const send = (message: HostMessage, transferred: readonly MessagePort[] = []): void =>
    worker.postMessage(message, transferred)

  return {
    endpoint: endpoint.promise,
    ask(question) {
      if (hasExited) return Promise.resolve(undefined)
      const { promise, resolve } = Promise.withResolvers<unknown>()
      const id = questions++
      asked.set(id, resolve)
      send({ question, id })
      return promise
    },
    connect() {
      const { port1, port2 } = new MessageChannel()
      if (hasExited) port2.close()
      else send({ connect: port2 }, [port2])
      return port1
    },
    async close() {
      if (isReady) send('close')
      else await worker.terminate()
      const timer = setTimeout(() => void worker.terminate(), CLOSE_TIMEOUT_MS)
      await exited.promise
      clearTimeout(timer)
    },
  }
}
