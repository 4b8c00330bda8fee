import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { type Clock, type Sleep, systemClock, systemSleep } from '../platform/clock.ts'
import { impatient } from '../platform/impatient.ts'

/** Aurora that has paused refuses calls for about 15 s while it resumes, longer after a day; the SDK does not retry that. */
const RESUMING = new Set(['DatabaseResumingException', 'DatabaseUnavailableException'])
const PAUSE_MS = 1_000

/** A client whose calls wait for a database that resumes, or is silent, for so many milliseconds; then they reject with its exception. */
export function patientRdsData(
  ms: number,
  { clock, sleep }: { clock: Clock; sleep: Sleep } = { clock: systemClock, sleep: systemSleep },
): RDSDataClient {
  const client = new RDSDataClient(impatient(ms))
  client.middlewareStack.add(
    next => async args => {
      const until = clock() + ms
      for (;;) {
        try {
          return await next(args)
        } catch (error) {
          if (!(error instanceof Error && RESUMING.has(error.name)) || clock() + PAUSE_MS > until) throw error
          await sleep(PAUSE_MS)
        }
      }
    },
    { step: 'initialize', name: 'waitForResume' },
  )
  return client
}
