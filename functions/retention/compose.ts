import { patientRdsData } from '../ledger/patient-client.ts'
import { rdsDataRetention } from '../ledger/retention.ts'
import { systemClock } from '../platform/clock.ts'
import { type Telemetry, telemetry } from '../platform/telemetry.ts'
import type { RetentionPorts } from './delete-old-rows.ts'
import type { Env } from './env.ts'

/** How long to wait for a database that resumes, in milliseconds: once a day, it may well have paused. */
const RESUME_MS = 120_000

export const compose = (env: Env, rdsData = patientRdsData(RESUME_MS)): RetentionPorts & Telemetry => ({
  ledger: rdsDataRetention(rdsData, env),
  clock: systemClock,
  ...telemetry(env),
})
