import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { firstFile } from '../module-beside.ts'
import type { ThreadMessage } from './thread.ts'

/** A running demo model. */
export interface DemoModel {
  url: string
  close: () => Promise<void>
}

/**
 * Starts the demo model on 127.0.0.1, in its own thread. So neither its start nor a long text delays anything else.
 * @param port 0 picks a free port
 * @param threads a folder with the compiled file that the thread runs first
 * @throws an error with `code: 'EADDRINUSE'` if the port is taken
 */
export async function startModel(port: number, threads?: URL): Promise<DemoModel> {
  const worker = new Worker(firstFile(threads, import.meta.url, 'thread'), { workerData: { port } })
  const [message]: ThreadMessage[] = await once(worker, 'message')
  if (message === undefined || 'error' in message) {
    await worker.terminate()
    throw Object.assign(new Error(message?.error), { code: message?.code })
  }
  worker.on('error', error => process.emitWarning(`the demo model stopped: ${error.message}`))
  return {
    url: message.url,
    close: async () => {
      await worker.terminate()
    },
  }
}
