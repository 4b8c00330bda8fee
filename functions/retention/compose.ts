import { systemClock } from '../core/platform/clock.ts'
import { type Telemetry, telemetry } from '../core/platform/telemetry.ts'
import { rdsDataRetention } from '../core/stores/ledger/retention.ts'
import { retryWhileResuming } from '../core/stores/ledger/retry-while-resuming.ts'
import type { RetentionPorts } from './delete-old-rows.ts'
import type { Env } from './env.ts'

/**
 * The longest wait for a database that resumes, in milliseconds. The function runs once a day, so the database is
 * usually paused.
 */
const RESUME_MS = 120_000

export const compose = (env: Env, rdsData = retryWhileResuming(RESUME_MS)): RetentionPorts & Telemetry => ({
  ledger: rdsDataRetention(rdsData, env),
  clock: systemClock,
  ...telemetry(env, { isTraced: false }),
})
