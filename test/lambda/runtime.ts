import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import type { FunctionError, InvocationResult, InvokeMessage } from '../../lib/local/lambda/protocol.ts'
import type { Thread, ThreadOptions } from '../../lib/local/lambda/thread.ts'
import { readFrames } from './telemetry.ts'

/** Is called with the log lines and the answers of functions. */
export interface Observer {
  /** Is called with a line of stdout or stderr, or with a line that the runtime client has logged. */
  line(functionName: string, line: string): void
  invoked(functionName: string, message: InvokeMessage, result: InvocationResult): void
  /** Is called when an invocation begins, with the number of invocations that now run in its process. */
  running?(functionName: string, invocations: number): void
}

interface Running {
  readonly message: InvokeMessage
  settle(result: InvocationResult): void
}

const API = '/2018-06-01/runtime'
let environments = 0

/**
 * Runs a Lambda function as Lambda does: AWS's runtime client runs in a new process, and gets its events from the HTTP server
 * that AWS calls the Runtime API. `startRuntime` serves this API. Usually, the client asks for the next event when it has answered the last one.
 * With the variable AWS_LAMBDA_MAX_CONCURRENCY, it asks at once, and runs several invocations at the same time, as on managed instances.
 */
export function startRuntime(client: string, options: ThreadOptions, observer: Observer): Thread {
  const imported = Promise.withResolvers<FunctionError | undefined>()
  const ended = Promise.withResolvers<void>()
  let waiting: ServerResponse | undefined
  const pending: InvokeMessage[] = []
  const running = new Map<string, Running>()

  const server = createServer((request, response) => void serve(request, response))
  const child = listen().then(port => spawnClient(client, options, port, observer))
  void child.then(async started => {
    // The function's process counts as ended only when its whole output was read. Otherwise its last log lines would be lost, and with them its metrics.
    const [code, signal] = await once(started, 'close')
    const error = {
      errorType: 'Runtime.ExitError',
      errorMessage: `Error: Runtime exited with error: ${signal ?? code}`,
    }
    imported.resolve(error)
    for (const requestId of running.keys()) settle(requestId, { ok: false, error })
    server.close()
    server.closeAllConnections()
    ended.resolve()
  })

  async function listen(): Promise<number> {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return (server.address() as AddressInfo).port
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request)
    const path = request.url ?? ''
    if (path === `${API}/invocation/next`) {
      imported.resolve(undefined)
      waiting = response
      return handOver()
    }
    response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"OK"}')
    if (path === `${API}/init/error`) return imported.resolve(JSON.parse(body))
    const [requestId = '', kind] = path.slice(`${API}/invocation/`.length).split('/')
    settle(requestId, kind === 'response' ? { ok: true, payload: body } : { ok: false, error: JSON.parse(body) })
  }

  function handOver(): void {
    const next = waiting && pending.shift()
    if (!waiting || !next) return
    waiting.writeHead(200, {
      'content-type': 'application/json',
      'lambda-runtime-aws-request-id': next.requestId,
      'lambda-runtime-deadline-ms': String(next.deadline),
      'lambda-runtime-invoked-function-arn': options.functionArn,
      'lambda-runtime-trace-id': 'Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0',
    })
    waiting.end(next.event)
    waiting = undefined
  }

  function settle(requestId: string, result: InvocationResult): void {
    const ended = running.get(requestId)
    if (!ended) return
    running.delete(requestId)
    observer.invoked(options.functionName, ended.message, result)
    ended.settle(result)
  }

  environments += 1
  return {
    id: environments,
    imported: imported.promise,
    ended: ended.promise,
    invoke: message =>
      new Promise(resolve => {
        running.set(message.requestId, { message, settle: resolve })
        observer.running?.(options.functionName, running.size)
        pending.push(message)
        handOver()
      }),
    async terminate() {
      ;(await child).kill('SIGKILL')
      await ended.promise
    },
  }
}

function spawnClient(client: string, options: ThreadOptions, port: number, observer: Observer): ChildProcess {
  const { environment, functionName, write } = options
  // As on Lambda, a function gets only the variables of its template and of Lambda, and no other variable of this process.
  const env = {
    // Only the template of a worker sets this variable. For the other functions, the client would start eight threads per core, if they run several
    // invocations at the same time.
    AWS_LAMBDA_NODEJS_WORKER_COUNT: '1',
    ...environment,
    AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${port}`,
    AWS_LAMBDA_LOG_FORMAT: 'JSON',
    AWS_LAMBDA_LOG_LEVEL: 'INFO',
    AWS_LAMBDA_LOG_STREAM_NAME: '2026/01/01/[$LATEST]0123456789abcdef',
    _LAMBDA_TELEMETRY_LOG_FD: '3',
    LAMBDA_RUNTIME_DIR: '/var/runtime',
    TZ: ':UTC',
  }
  const handler = environment._HANDLER ?? ''
  const child = spawn(process.execPath, [client, handler], {
    cwd: environment.LAMBDA_TASK_ROOT,
    env,
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  })
  const tell = (line: string): void => {
    observer.line(functionName, line)
    write(`${line}\n`)
  }
  for (const stream of [child.stdout, child.stderr]) readLines(stream, tell)
  readFrames(child.stdio[3] as Readable, frame => tell(frame.text))
  return child
}

function readLines(stream: Readable | null, onLine: (line: string) => void): void {
  let rest = ''
  stream?.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
  stream?.on('end', () => rest !== '' && onLine(rest))
}
