import type { EmulatorPorts } from '../connect.ts'

/** The result of an invocation, as in Lambda's Invoke API. The payload is JSON text. */
export type InvocationResult = { ok: true; payload: string } | { ok: false; error: FunctionError }

/** Lambda's error object. */
export interface FunctionError {
  errorType: string
  errorMessage: string
  trace?: string[]
}

/** Lambda's limit for the event and for the result of a synchronous call. */
export const MAX_PAYLOAD_BYTES = 6 * 1024 * 1024

/** A message to the thread: an event as JSON text, and the data for its context. `deadline` is in epoch milliseconds. Earlier events may still run. */
export interface InvokeMessage {
  event: string
  requestId: string
  deadline: number
}

/** A message from the thread. `imported` comes once, before all others. `result` comes once per invocation. */
export type ThreadMessage =
  | { imported: true }
  | { importFailed: FunctionError }
  | { requestId: string; result: InvocationResult }

/** The data with which a thread starts. */
export interface ThreadData {
  handlerUrl: string
  handlerName: string
  functionName: string
  functionArn: string
  memoryMb: number
  emulators?: EmulatorPorts
}
