import type { RDSDataClient } from '@aws-sdk/client-rds-data'
import { type Clock, type Sleep, systemClock, systemSleep } from '../../platform/clock.ts'
import { rdsData } from '../../platform/rds-data-client.ts'

/**
 * The exceptions of the Data API while a paused Aurora database resumes. The database refuses calls for about 15 s, and
 * for longer after a pause of a day. The SDK does not retry calls with these exceptions, so this file does.
 */
const RESUMING = new Set(['DatabaseResumingException', 'DatabaseUnavailableException'])
const PAUSE_MS = 1_000

interface Patience {
  readonly clock?: Clock | undefined
  readonly sleep?: Sleep | undefined
  /** Called once, when the first call has to wait. */
  readonly onWait?: () => void
}

/**
 * Makes a client whose calls wait up to `ms` milliseconds for a database that resumes or does not answer. After that, a
 * call rejects with the exception.
 */
export function retryWhileResuming(
  ms: number,
  { clock = systemClock, sleep = systemSleep, onWait }: Patience = {},
): RDSDataClient {
  const client = rdsData(ms)
  let hasWaited = false
  client.middlewareStack.add(
    next => async args => {
      const until = clock() + ms
      for (;;) {
        try {
          return await next(args)
        } catch (error) {
          if (!(error instanceof Error && RESUMING.has(error.name)) || clock() + PAUSE_MS > until) throw error
          if (!hasWaited) onWait?.()
          hasWaited = true
          await sleep(PAUSE_MS)
        }
      }
    },
    { step: 'initialize', name: 'waitForResume' },
  )
  return client
}
