/** One run of a function or of an operator's command. It can be stopped at any of its calls. */
export interface Invocation {
  readonly name: string
  readonly kind: string
  /** The time at which Lambda ends it, in epoch milliseconds. */
  readonly deadline: number
  state: 'running' | 'done' | 'killed'
}

/** A service that can be down for a while, or answer with an error. */
export type Service = 'requests' | 'quota' | 'models' | 'queue' | 'payloads' | 'ledger' | 'model' | 'mapping'

/** An error that a service or the network can give at any time. */
export class ServiceFault extends Error {
  override readonly name = 'ServiceFault'
  /** The adapters treat this code as a fault of the network. */
  readonly code = 'ECONNRESET'
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? `${error.name}: ${error.message}` : `${error.message} (${describe(error.cause)})`
}
