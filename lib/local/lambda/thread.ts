import { Worker } from 'node:worker_threads'
import type { EmulatorPorts } from '../connect.ts'
import { messageOf } from '../error.ts'
import { firstFile } from '../module-beside.ts'
import { resourceLimitsFor, watchMemory } from './memory.ts'
import type { FunctionError, InvocationResult, InvokeMessage, ThreadData, ThreadMessage } from './protocol.ts'

export interface Thread {
  readonly id: number
  /** Resolves when the handler is imported. If the import failed, it resolves with the error. */
  readonly imported: Promise<FunctionError | undefined>
  /** Resolves when the thread has ended, for any reason. */
  readonly ended: Promise<void>
  /**
   * Runs an event, also while other events run. If the thread ends before the handler has finished, the result of each running event is
   * Lambda's error for this case.
   */
  invoke(message: InvokeMessage): Promise<InvocationResult>
  terminate(): Promise<void>
}

export type ThreadOptions = Omit<ThreadData, 'emulators'> & {
  environment: Record<string, string>
  /** Is called with each piece of the thread's output on stdout or stderr. */
  write(chunk: string): void
  /** Is called when the thread should get no further event, because it uses more than its function's memory or is ending. */
  onUnfit?(): void
  /** Connects the thread with the emulators. Without `connect`, the function calls the emulators over HTTP. */
  connect?: () => EmulatorPorts
  /** A folder with the compiled file that the thread runs first, so that the thread starts faster and needs less memory (ADR 0057). */
  threads?: URL | undefined
}

/** Starts a thread that runs a function. */
export type StartThread = (options: ThreadOptions) => Thread

/** Returns the name that `top -H` and `npm run profile` show, such as `gateway`. Linux shows 15 characters, so the pipeline's name is left out. */
const threadName = ({ POWERTOOLS_SERVICE_NAME = 'function', DEPLOYMENT = '' }: Record<string, string>): string =>
  POWERTOOLS_SERVICE_NAME.startsWith(`${DEPLOYMENT}-`)
    ? POWERTOOLS_SERVICE_NAME.slice(DEPLOYMENT.length + 1)
    : POWERTOOLS_SERVICE_NAME

/**
 * Starts a thread with its own environment variables, memory limit and output. If a handler throws, exits, never ends or takes too much memory,
 * at most its own thread ends. One case ends the whole system: a single call of JavaScript that allocates more than V8's limit, such as
 * parsing a text of 100 MB. Nothing can interrupt such a call.
 */
export const startThread: StartThread = ({
  environment,
  write,
  connect,
  threads,
  onUnfit = () => undefined,
  ...data
}) => {
  const emulators = connect?.()
  const worker = new Worker(firstFile(threads, import.meta.url, 'boot'), {
    env: environment,
    workerData: { ...data, ...(emulators && { emulators }) } satisfies ThreadData,
    transferList: emulators ? Object.values(emulators) : [],
    name: threadName(environment),
    stdout: true,
    stderr: true,
    execArgv: ['--enable-source-maps'],
    resourceLimits: resourceLimitsFor(data.memoryMb),
  })
  for (const stream of [worker.stdout, worker.stderr]) stream.setEncoding('utf8').on('data', write)

  const imported = Promise.withResolvers<FunctionError | undefined>()
  const ended = Promise.withResolvers<void>()
  /** The functions that resolve the results of running invocations, by the invocations' ids. */
  const running = new Map<string, (result: InvocationResult) => void>()
  let lastError: FunctionError | undefined
  let gone: FunctionError | undefined
  const memory = watchMemory(worker, {
    memoryMb: data.memoryMb,
    running: () => running.size,
    onLarge: onUnfit,
    onExceeded: () => {
      memory.stop()
      fail(exitError('signal: killed'))
      void worker.terminate()
    },
  })
  memory.start()

  function fail(error: FunctionError): void {
    lastError = error
    onUnfit()
    write(`${JSON.stringify({ level: 'ERROR', message: error.errorMessage, ...error })}\n`)
  }

  function settle(requestId: string, result: InvocationResult): void {
    const resolve = running.get(requestId)
    running.delete(requestId)
    resolve?.(result)
  }

  worker.on('message', (message: ThreadMessage) => {
    // After an error, a message is too late. The thread is ending, and its `exit` event fails all of its invocations.
    if (lastError) return
    if ('imported' in message) imported.resolve(undefined)
    else if ('importFailed' in message) imported.resolve(message.importFailed)
    else settle(message.requestId, message.result)
    if (running.size === 0) memory.stop()
  })
  worker.on('error', error => fail(fatalError(error)))
  worker.on('exit', code => {
    memory.stop()
    const error = lastError ?? exitError(`exit status ${code}`)
    gone = error
    imported.resolve(error)
    for (const requestId of [...running.keys()]) settle(requestId, { ok: false, error })
    ended.resolve()
  })

  return {
    id: worker.threadId,
    imported: imported.promise,
    ended: ended.promise,
    async invoke(message) {
      if (gone) return { ok: false, error: gone }
      const { promise, resolve } = Promise.withResolvers<InvocationResult>()
      running.set(message.requestId, resolve)
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
