/** One invocation of a function, or one execution of an operator's command. The simulation can kill it at any of its calls to a service. */
export interface Invocation {
  readonly name: string
  readonly kind: string
  /** The time at which Lambda ends the invocation, in epoch milliseconds. */
  readonly deadline: number
  state: 'running' | 'done' | 'killed'
}

/** A service that can be down for a while, or answer with an error. */
export type Service = 'requests' | 'quota' | 'models' | 'queue' | 'payloads' | 'ledger' | 'model' | 'mapping'

/** An error of a service or of the network, which can happen at any call. */
export class ServiceFault extends Error {
  override readonly name = 'ServiceFault'
  /** The adapters treat this code as a fault of the network. */
  readonly code = 'ECONNRESET'
}

export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? `${error.name}: ${error.message}` : `${error.message} (${describe(error.cause)})`
}
