/** One run of a function, or of an operator's command: what can be stopped at any of its calls. */
export interface Invocation {
  readonly name: string
  readonly kind: string
  /** Epoch milliseconds at which Lambda would end it. */
  readonly deadline: number
  state: 'running' | 'done' | 'killed'
}

/** What can be down for a while, or answer with an error. */
export type Service = 'requests' | 'quota' | 'models' | 'queue' | 'payloads' | 'ledger' | 'model' | 'mapping'

/** A failure that a service, or the network before it, may have at any time. */
export class ServiceFault extends Error {
  override readonly name = 'ServiceFault'
  /** The adapters know it as a fault of the network. */
  readonly code = 'ECONNRESET'
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? `${error.name}: ${error.message}` : `${error.message} (${describe(error.cause)})`
}
