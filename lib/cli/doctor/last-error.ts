import * as z from 'zod'
import { iso } from '../../../functions/core/platform/clock.ts'
import { parseJson } from '../../local/parse-json.ts'
import { type Check, failed, ok, oneLine, warning } from './check.ts'

export const HOUR_MS = 3_600_000
/** How far back errors are searched, in milliseconds. */
export const LOOK_BACK_MS = 24 * HOUR_MS

/** A log line about an error, and the time at which it was written (epoch milliseconds). */
export interface ErrorLine {
  readonly at: number
  readonly text: string
}

/** The fields of a log line that are shown: of the functions' logger, and of Lambda's own lines. They never have a prompt. */
const Line = z.object({
  level: z.string().optional(),
  message: z.string().optional(),
  error: z.object({ name: z.string().optional(), message: z.string().optional() }).optional(),
  errorType: z.string().optional(),
  errorMessage: z.string().optional(),
  type: z.string().optional(),
  record: z.object({ status: z.string().optional(), errorType: z.string().optional() }).optional(),
})

/**
 * Makes the check of a function's last error. If the error is of the last hour, the check has failed. An older error
 * gives only a warning, because its cause may have been fixed since.
 */
export function lastErrorOf(name: string, line: ErrorLine | undefined, now: number): Check {
  const check = `log of ${name}`
  if (!line) return ok(check, 'no error in the last 24 hours')
  const found = `its last error, at ${iso(line.at)}: ${sentenceOf(line.text)}`
  const todo = 'docs/runbook.md says what to do for each function'
  return now - line.at < HOUR_MS ? failed(check, found, todo) : warning(check, found, todo)
}

function sentenceOf(text: string): string {
  const line = Line.safeParse(parseJson(text)).data
  if (!line) return oneLine(text)
  const { message, error, errorType, errorMessage, record } = line
  const cause = [error?.name ?? errorType, error?.message ?? errorMessage].filter(part => part !== undefined).join(': ')
  const parts = [message, cause, record?.errorType ?? record?.status].filter(part => part !== undefined && part !== '')
  return oneLine(parts.length > 0 ? parts.join(', ') : text)
}

/** Returns whether a line of a function's log reports an error. */
export function isError(text: string): boolean {
  const line = Line.safeParse(parseJson(text)).data
  return (
    line?.level === 'ERROR' ||
    line?.level === 'FATAL' ||
    line?.record?.status === 'timeout' ||
    line?.record?.status === 'error'
  )
}
