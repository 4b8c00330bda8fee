import { Worker } from 'node:worker_threads'
import { messageOf } from '../error.ts'
import { resourceLimitsFor, watchMemory } from './memory.ts'
import type { FunctionError, InvocationResult, InvokeMessage, ThreadData, ThreadMessage } from './protocol.ts'

export interface Thread {
  readonly id: number
  /** Resolves when the handler is imported, or with the error that it threw while it was. */
  readonly imported: Promise<FunctionError | undefined>
  /** Resolves when the thread is gone, for whatever reason. */
  readonly ended: Promise<void>
  /** One at a time. If the thread ends before the handler does, the result is Lambda's error for that. */
  invoke(message: InvokeMessage): Promise<InvocationResult>
  terminate(): Promise<void>
}

export type ThreadOptions = ThreadData & {
  environment: Record<string, string>
  /** Takes a chunk of what the thread writes to stdout or stderr. */
  write(chunk: string): void
}

const boot = new URL('./boot.ts', import.meta.url)

/**
 * Starts a thread that has its own environment, memory limit and output. A handler that throws, exits, never ends or takes more memory
 * than its function has ends its own thread alone. One process can't contain everything: a single call of JavaScript's own that
 * allocates gigabytes, such as parsing a text of 100 MB, can't be interrupted, and past V8's limit it ends the whole system.
 */
export function startThread({ environment, write, ...data }: ThreadOptions): Thread {
  const worker = new Worker(boot, {
    env: environment,
    workerData: data,
    stdout: true,
    stderr: true,
    execArgv: ['--enable-source-maps'],
    resourceLimits: resourceLimitsFor(data.memoryMb),
  })
  for (const stream of [worker.stdout, worker.stderr]) stream.setEncoding('utf8').on('data', write)

  const imported = Promise.withResolvers<FunctionError | undefined>()
  const ended = Promise.withResolvers<void>()
  let settle: ((result: InvocationResult) => void) | undefined
  let lastError: FunctionError | undefined
  const memory = watchMemory(worker, data.memoryMb, () => {
    memory.stop()
    fail(exitError('signal: killed'))
    void worker.terminate()
  })
  memory.start()

  function fail(error: FunctionError): void {
    lastError = error
    write(`${JSON.stringify({ level: 'ERROR', message: error.errorMessage, ...error })}\n`)
  }

  worker.on('message', (message: ThreadMessage) => {
    // What a thread says while it is being ended comes too late: its exit settles the invocation.
    if (lastError) return
    memory.stop()
    if ('imported' in message) imported.resolve(undefined)
    else if ('importFailed' in message) imported.resolve(message.importFailed)
    else settle?.(message.result)
  })
  worker.on('error', error => fail(fatalError(error)))
  worker.on('exit', code => {
    memory.stop()
    const error = lastError ?? exitError(`exit status ${code}`)
    imported.resolve(error)
    settle?.({ ok: false, error })
    ended.resolve()
  })

  return {
    id: worker.threadId,
    imported: imported.promise,
    ended: ended.promise,
    invoke(message) {
      const { promise, resolve } = Promise.withResolvers<InvocationResult>()
      settle = resolve
      memory.start()
      worker.postMessage(message)
      return promise
    },
    async terminate() {
      await worker.terminate()
    },
  }
}

function fatalError(error: unknown): FunctionError {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_WORKER_OUT_OF_MEMORY')
    return exitError('signal: killed')
  const trace = error instanceof Error ? (error.stack?.split('\n') ?? []) : []
  return { errorType: 'Runtime.UnhandledError', errorMessage: messageOf(error), trace }
}

function exitError(how: string): FunctionError {
  return { errorType: 'Runtime.ExitError', errorMessage: `Error: Runtime exited with error: ${how}` }
}
