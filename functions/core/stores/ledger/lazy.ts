import type { LedgerEnv } from '../../platform/env.ts'
import type { Ledger } from './port.ts'

/** How long a call that waits for a result waits for a database that resumes, in milliseconds. */
const RESUME_MS = 15_000

/**
 * Makes the ledger. Its code is loaded at its first use. The gateway reads a result only for a client that prefers to
 * wait.
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
