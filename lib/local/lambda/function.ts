import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { arn, REGION } from '../arn.ts'
import { LocalError } from '../error.ts'
import { credentialsOf } from '../trust/access-key.ts'
import { type LogFile, lineSplitter } from './log-file.ts'
import { isMetric, type Trouble, troubleIn } from './log-line.ts'
import { createPool, type Pool } from './pool.ts'
import type { InvocationResult } from './protocol.ts'
import type { StartThread } from './thread.ts'

export type LocalFunction = Pick<Pool, 'threads' | 'warm' | 'endIdle' | 'kill' | 'close'> & {
  logicalId: string
  name: string
  arn: string
  timeoutSeconds: number
  /** Runs the handler with an event. The event must be JSON or convertible to JSON. Never rejects. */
  invoke: Invoke
  /** Makes an `invoke` for an event source mapping. The function gets room for `concurrency` more simultaneous invocations, for this mapping. */
  addCaller(concurrency: number): Invoke
}

/**
 * Invokes a function with an event. If invocations of several groups wait for a thread, the group with the fewest running invocations is next. A group
 * has the calls of one user. If an event still waits when `givenUp` is aborted, the event never runs.
 */
export type Invoke = (event: unknown, group?: string, givenUp?: AbortSignal) => Promise<InvocationResult>

export interface FunctionOptions {
  logicalId: string
  name: string
  /** The folder of the bundled code. */
  folder: string
  /** The name of the file without its ending, and the name of the export: `index.handler`. */
  handler: string
  timeoutSeconds: number
  memoryMb: number
  /**
   * The number of invocations that may wait for many seconds without computing, such as calls that wait for the end of a request. They do not take the
   * places of other invocations.
   */
  waits: number
  /** The highest number of simultaneous invocations, if the template sets ReservedConcurrentExecutions. */
  reserved: number | undefined
  /** The highest number of simultaneous invocations in one thread. */
  invocationsPerThread: number
  /** The variables of the template, and the endpoints of the emulators. */
  environment: Record<string, string>
  /** Returns further variables of a thread that starts now. */
  threadEnvironment(): Record<string, string>
  /** The function's AWS clients sign their calls with this id. */
  accessKeyId: string
  logFile: LogFile
  /** Is called with each line of metrics that the function writes, in CloudWatch's embedded format. */
  onMetrics(line: string): void
  startThread: StartThread
  /** Is called with each warning and error that the function logs. */
  onTrouble(trouble: Trouble): void
  /** Is called when an invocation has ended. */
  onEnd(result: InvocationResult): void
}

/**
 * The number of simultaneous invocations of a function, apart from long waits and event source mappings. It is far above the number of cores, since
 * most invocations wait for a store or a model.
 */
const DIRECT_CONCURRENCY = 20

/** Creates a Lambda function. Its threads start when there is an event to run. */
export function createFunction(options: FunctionOptions): LocalFunction {
  const { logicalId, name, timeoutSeconds, memoryMb } = options
  const functionArn = arn('lambda', `function:${name}`)
  const { handlerUrl, handlerName } = locateHandler(options)
  const environment = { ...runtimeVariables(options), ...options.environment }
  const takeLine = (line: string) => {
    if (isMetric(line)) return options.onMetrics(line)
    options.logFile.append(line)
    const trouble = troubleIn(line)
    if (trouble) options.onTrouble(trouble)
  }

  const pool = createPool({
    limit: options.reserved ?? options.waits + DIRECT_CONCURRENCY,
    perThread: options.invocationsPerThread,
    timeoutSeconds,
    usual: DIRECT_CONCURRENCY,
    start: onUnfit =>
      options.startThread({
        handlerUrl,
        handlerName,
        functionName: name,
        functionArn,
        memoryMb,
        environment: { ...environment, ...options.threadEnvironment() },
        write: lineSplitter(takeLine),
        onUnfit,
      }),
    onFailure: (error, requestId) => {
      const { errorMessage: message, ...rest } = error
      takeLine(JSON.stringify({ level: 'ERROR', message, ...rest, function_request_id: requestId }))
    },
  })

  async function reported(invocation: Promise<InvocationResult>): Promise<InvocationResult> {
    const result = await invocation
    options.onEnd(result)
    return result
  }

  return {
    logicalId,
    name,
    arn: functionArn,
    timeoutSeconds,
    invoke: (event, group, givenUp) => reported(pool.invoke(textOf(event), group, givenUp)),
    addCaller(concurrency) {
      const invoke = pool.addCaller(concurrency)
      return event => reported(invoke(textOf(event)))
    },
    threads: pool.threads,
    warm: pool.warm,
    endIdle: pool.endIdle,
    kill: pool.kill,
    async close(graceMs) {
      await pool.close(graceMs)
      options.logFile.close()
    },
  }
}

const textOf = (event: unknown): string => JSON.stringify(event) ?? 'null'

function locateHandler({ logicalId, folder, handler }: FunctionOptions): { handlerUrl: string; handlerName: string } {
  const dot = handler.lastIndexOf('.')
  const module = handler.slice(0, dot)
  const file = ['.mjs', '.js', '.cjs'].map(ending => join(folder, module + ending)).find(existsSync)
  if (!file)
    throw new LocalError(`${logicalId}: Handler ${handler} has no file ${module}.mjs, .js or .cjs in its code.`)
  return { handlerUrl: pathToFileURL(file).href, handlerName: handler.slice(dot + 1) }
}

function runtimeVariables(options: FunctionOptions): Record<string, string> {
  const { name, folder, handler, memoryMb, accessKeyId, invocationsPerThread } = options
  return {
    // With this variable, the logger keeps the data of simultaneous invocations apart. Lambda's managed instances set the variable, too.
    ...(invocationsPerThread > 1 && { AWS_LAMBDA_MAX_CONCURRENCY: String(invocationsPerThread) }),
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: REGION,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentialsOf(accessKeyId).secretAccessKey,
    AWS_SESSION_TOKEN: 'local',
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    LAMBDA_TASK_ROOT: folder,
    _HANDLER: handler,
  }
}
