import { isTransient } from '../core/platform/unavailable.ts'
import { hasSqlState, isTransientInDatabase } from '../core/stores/ledger/transient.ts'
import type { MigratorPorts } from './ports.ts'

/**
 * How long the migrator goes on trying, in milliseconds. The timeout of its function is twice as long, so that it
 * always answers CloudFormation. Without an answer, the deployment would wait until its time limit.
 */
const PATIENCE_MS = 300_000

/** The first pause between two tries, and the longest, in milliseconds. Each pause is twice the one before. */
const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000

/**
 * Repeats `work` for at most five minutes, as long as its calls do not reach Postgres. The Data API has no single error
 * for a database that is new or resumes. The error may be BadRequestException ("Communications link failure") or
 * StatementTimeoutException. A call may also be denied, until a new IAM role is known everywhere. So every error of AWS
 * without an SQLSTATE is retried. An error with an SQLSTATE comes from Postgres, and is usually final. Then the
 * deployment fails at once.
 */
export async function retryUnlessRefused(
  { clock, sleep, logger }: Pick<MigratorPorts, 'clock' | 'sleep' | 'logger'>,
  work: () => Promise<void>,
): Promise<void> {
  const until = clock() + PATIENCE_MS
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await work()
    } catch (error) {
      if (!mayPass(error) || clock() + pauseMs > until) throw error
      logger.warn('the database can’t be reached yet; the migrations are tried again', { error })
      await sleep(pauseMs)
    }
  }
}

const mayPass = (error: unknown): boolean =>
  isTransient(error) || isTransientInDatabase(error) || (isAnswerOfAws(error) && !hasSqlState(error))

/**
 * Returns whether a service of AWS has refused a call. Other errors come from this code, and a repetition would fail
 * again.
 */
const isAnswerOfAws = (error: unknown): error is Error => error instanceof Error && '$fault' in error
