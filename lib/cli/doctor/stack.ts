import { CloudWatchLogsClient, paginateFilterLogEvents } from '@aws-sdk/client-cloudwatch-logs'
import { ExecuteStatementCommand } from '@aws-sdk/client-rds-data'
import type { Pipeline } from '../../config/schema.ts'
import { adminOf } from '../admin.ts'
import { type LogGroup, logGroupsOf } from '../logs/log-groups.ts'
import type { StackState } from '../stack-outputs.ts'
import type { Target } from '../target.ts'
import type { Surroundings } from '../target-choice.ts'
import { examineBroker, examineMappings } from './broker.ts'
import { attempt, type Check, examine, failed, ok, oneLine, skipped, warning } from './check.ts'
import { type ErrorLine, HOUR_MS, LOOK_BACK_MS, lastErrorOf } from './last-error.ts'
import { examineMoving } from './moving.ts'
import { requestThrough } from './request-through.ts'

/** Returns whether a stack can be used, by its state in CloudFormation. */
export function stateOf(stack: string, state: StackState | undefined): Check {
  const check = 'stack'
  if (!state) return skipped(check, `there is no stack ${stack} yet in this account and region`)
  const { status, reason } = state
  const found = `the stack ${stack} is in the state ${status}${reason === undefined ? '' : ` (${oneLine(reason)})`}`
  if (HEALTHY.has(status)) return ok(check, found)
  if (status.endsWith('_IN_PROGRESS')) return warning(check, found, 'wait for its end, and run doctor again')
  return failed(check, found, 'docs/runbook.md says what to do when a deployment has failed')
}

const HEALTHY: ReadonlySet<string> = new Set(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE'])

interface Deployed {
  readonly stack: string
  readonly apiUrl: string
  readonly target: Target
  readonly surroundings: Surroundings
  /** The pipeline file, which may be the one of the next deployment. */
  readonly pipeline: Pipeline | undefined
  /** Whether one request may be sent, which calls the model. */
  readonly mayCall: boolean
}

/** Examines a deployed stack: its API, its ledger, one request through all functions, and the last error of each function. */
export async function examineStack(deployed: Deployed, now: number): Promise<Check[]> {
  const { stack, apiUrl, target, surroundings, pipeline, mayCall } = deployed
  const { clock, sleep } = surroundings
  const first = await Promise.all([attempt('api', () => health(apiUrl)), attempt('ledger', () => ledger(target))])
  const admin = adminOf(target, clock, sleep)
  const { BrokerFunction } = target.outputs
  const broker = await examineBroker(admin)
  const mappings = BrokerFunction === undefined ? [] : [await examineMappings(BrokerFunction)]
  const moving = await examineMoving(admin, target.outputs, pipeline)
  const request = mayCall
    ? await attempt('request', () => requestThrough(admin, apiUrl))
    : skipped('request', 'no request was sent')
  // The errors are read last, so that they include errors that the request has caused.
  return [...first, ...broker, ...mappings, ...moving, request, ...(await functionErrors(stack, now))]
}

const TIMEOUT_MS = 30_000

async function health(apiUrl: string): Promise<Check> {
  const todo = 'look at the API in the console, and at the log of the reader'
  try {
    const { status } = await fetch(`${apiUrl}/healthz`, { signal: AbortSignal.timeout(TIMEOUT_MS) })
    return status === 200
      ? ok('api', 'GET /healthz is answered with 200')
      : failed('api', `GET /healthz is answered with ${status}`, todo)
  } catch (error) {
    const { message, cause } = error instanceof Error ? error : new Error(String(error))
    return failed('api', `it can't be reached: ${oneLine(cause instanceof Error ? cause.message : message)}`, todo)
  }
}

async function ledger({ rdsData, outputs }: Target): Promise<Check> {
  const { LedgerClusterArn, LedgerSecretArn, LedgerDatabase } = outputs
  const statement = { resourceArn: LedgerClusterArn, secretArn: LedgerSecretArn, database: LedgerDatabase }
  await rdsData.send(new ExecuteStatementCommand({ ...statement, sql: 'SELECT count(*) FROM dead_letters' }))
  return ok('ledger', 'Postgres answers, and has its tables')
}

async function functionErrors(stack: string, now: number): Promise<Check[]> {
  const groups: LogGroup[] = []
  const listed = await examine('logs', async () => {
    groups.push(...(await logGroupsOf(stack)))
    return ok('logs', `the stack has ${groups.length} functions with a log group`)
  })
  if (listed.state !== 'ok') return [listed]
  const client = new CloudWatchLogsClient()
  return Promise.all(
    groups.map(({ name, group }) =>
      examine(`log of ${name}`, async () => lastErrorOf(name, await lastError(client, group, now), now)),
    ),
  )
}

/** The filter for errors of the functions' logger and of the runtime, and for invocations that Lambda has ended. */
const ERRORS =
  '{ ($.level = "ERROR") || ($.level = "FATAL") || ($.record.status = "timeout") || ($.record.status = "error") }'

/** The most pages that are read per log group. A busy function may have many more pages, all without an error. */
const MAX_PAGES = 100

/**
 * Searches the last hour first, so that the latest errors of a busy function are found before the search ends after
 * `MAX_PAGES` pages.
 */
async function lastError(client: CloudWatchLogsClient, group: string, now: number): Promise<ErrorLine | undefined> {
  const hourAgo = now - HOUR_MS
  return (await lastErrorIn(client, group, hourAgo, now)) ?? lastErrorIn(client, group, now - LOOK_BACK_MS, hourAgo)
}

async function lastErrorIn(
  client: CloudWatchLogsClient,
  group: string,
  from: number,
  to: number,
): Promise<ErrorLine | undefined> {
  const query = { logGroupName: group, filterPattern: ERRORS, startTime: from, endTime: to }
  let last: ErrorLine | undefined
  let pages = 0
  // CloudWatch gives the events in the order of their times, page after page. So the last event that is read is the newest.
  for await (const { events = [] } of paginateFilterLogEvents({ client }, query)) {
    for (const { timestamp = 0, message = '' } of events)
      if (timestamp >= (last?.at ?? 0)) last = { at: timestamp, text: message }
    pages += 1
    if (pages === MAX_PAGES) break
  }
  return last
}
