// A function's thread runs this file first. The file imports the handler, and calls it for each event, also while earlier events still run.
import { parentPort, workerData } from 'node:worker_threads'
import { InvokeStore, InvokeStoreBase } from '@aws/lambda-invoke-store'
import { connector } from '../connect.ts'
import {
  type FunctionError,
  type InvocationResult,
  type InvokeMessage,
  MAX_PAYLOAD_BYTES,
  type ThreadData,
  type ThreadMessage,
} from './protocol.ts'

type Handler = (event: unknown, context: object) => unknown

const { handlerUrl, handlerName, functionName, functionArn, memoryMb, emulators } = workerData as ThreadData

// The functions' code passes each AWS client to this global function (functions/core/platform/lean-client.ts). So the clients call the emulators
// without HTTP.
if (emulators) Object.assign(globalThis, { [Symbol.for('sluice.connect')]: connector(emulators) })

// By itself, Node would pass an error of the import to the main thread without the error's message. So the code below catches the error and sends it.
try {
  // Lambda's own store for the data of each invocation. The logger and the SDK use the first store of a thread. So it is made before the import, and the
  // data of simultaneous invocations do not mix, for example in log lines.
  const store = await InvokeStore.getInstanceAsync()
  const handler = await importHandler()
  parentPort?.on('message', async (message: InvokeMessage) => {
    const { requestId } = message
    const context = { [InvokeStoreBase.PROTECTED_KEYS.REQUEST_ID]: requestId }
    tell({ requestId, result: await store.run(context, () => invoke(handler, message)) })
  })
  tell({ imported: true })
} catch (error) {
  tell({ importFailed: errorObject(error) })
}

async function importHandler(): Promise<Handler> {
  const module: Record<string, unknown> = await import(handlerUrl)
  const handler = module[handlerName]
  if (typeof handler !== 'function') throw new TypeError(`${handlerName} is undefined or not exported`)
  return handler as Handler
}

async function invoke(handler: Handler, message: InvokeMessage): Promise<InvocationResult> {
  try {
    const result = await handler(JSON.parse(message.event), contextOf(message))
    const payload = JSON.stringify(result) ?? 'null'
    // A result that is too large is refused here, so it never takes memory in the main thread.
    return Buffer.byteLength(payload) > MAX_PAYLOAD_BYTES ? tooLarge(payload) : { ok: true, payload }
  } catch (error) {
    return { ok: false, error: errorObject(error) }
  }
}

function tooLarge(payload: string): InvocationResult {
  const size = Buffer.byteLength(payload)
  const errorMessage = `Response payload size (${size} bytes) exceeded maximum allowed payload size (${MAX_PAYLOAD_BYTES} bytes).`
  return { ok: false, error: { errorType: 'Function.ResponseSizeTooLarge', errorMessage } }
}

function contextOf({ requestId, deadline }: InvokeMessage): object {
  return {
    awsRequestId: requestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn: functionArn,
    logGroupName: `/aws/lambda/${functionName}`,
    logStreamName: `local/[$LATEST]${requestId}`,
    memoryLimitInMB: String(memoryMb),
    getRemainingTimeInMillis: () => Math.max(0, deadline - Date.now()),
  }
}

function errorObject(error: unknown): FunctionError {
  if (!(error instanceof Error)) return { errorType: typeof error, errorMessage: String(error) }
  return { errorType: error.name, errorMessage: error.message, trace: error.stack?.split('\n') ?? [] }
}

function tell(message: ThreadMessage): void {
  parentPort?.postMessage(message)
}
