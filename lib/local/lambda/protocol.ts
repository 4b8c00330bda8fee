/** What an invocation's end looks like to the caller, as Lambda's Invoke API gives it: JSON text either way. */
export type InvocationResult = { ok: true; payload: string } | { ok: false; error: FunctionError }

/** Lambda's error object. */
export interface FunctionError {
  errorType: string
  errorMessage: string
  trace?: string[]
}

/** Lambda's limit of a synchronous call, each way. */
export const MAX_PAYLOAD_BYTES = 6 * 1024 * 1024

/** To the thread: an event as JSON text, and what its context needs; the deadline is in milliseconds since 1970. */
export interface InvokeMessage {
  event: string
  requestId: string
  deadline: number
}

/** From the thread. `imported` comes once, before anything else; `result` once an invocation. */
export type ThreadMessage = { imported: true } | { importFailed: FunctionError } | { result: InvocationResult }

/** What the thread is started with. */
export interface ThreadData {
  handlerUrl: string
  handlerName: string
  functionName: string
  functionArn: string
  memoryMb: number
}
