import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { impatient } from '../../platform/client-timeouts.ts'
import { type Clock, type Sleep, systemClock, systemSleep } from '../../platform/clock.ts'

/** Aurora that has paused refuses calls for about 15 s while it resumes, longer after a day; the SDK does not retry that. */
const RESUMING = new Set(['DatabaseResumingException', 'DatabaseUnavailableException'])
const PAUSE_MS = 1_000

interface Patience {
  readonly clock?: Clock | undefined
  readonly sleep?: Sleep | undefined
  /** Told once, when the first call has to wait. */
  readonly onWait?: () => void
}

/** A client whose calls wait for a database that resumes, or is silent, for so many milliseconds; then they reject with its exception. */
export function patientRdsData(
  ms: number,
  { clock = systemClock, sleep = systemSleep, onWait }: Patience = {},
): RDSDataClient {
  const client = new RDSDataClient(impatient(ms))
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
