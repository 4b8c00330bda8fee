import type { LedgerEnv } from '../../platform/env.ts'
import type { Ledger } from './port.ts'

/** The longest time for which a read of a result waits until a paused database has resumed, in milliseconds. */
const RESUME_MS = 15_000

/**
 * Makes a ledger whose code is loaded at its first use. The gateway needs the ledger only for calls that wait for a
 * result (`Prefer: wait=N`). So its other calls do not pay for loading this code.
 */
export function lazyLedger(env: LedgerEnv): Pick<Ledger, 'result'> {
  let loading: Promise<Ledger> | undefined
  const load = async () => {
    const [{ retryWhileResuming }, { rdsDataLedger }] = await Promise.all([
      import('./retry-while-resuming.ts'),
      import('./rds-data.ts'),
    ])
    return rdsDataLedger(retryWhileResuming(RESUME_MS), env)
  }
  return {
    result: async (requestId, run) => {
      loading ??= load()
      return (await loading).result(requestId, run)
    },
  }
}
