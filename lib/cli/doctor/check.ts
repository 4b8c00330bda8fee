import { describeError, Unavailable } from '../../../functions/core/platform/unavailable.ts'
import type { Answer } from '../answer.ts'
import { refusalLine } from '../answer.ts'
import { columns } from '../columns.ts'

/** The result of one check. */
export interface Check {
  readonly check: string
  /**
   * `failed`: the problem must be fixed first. `warning`: the checked part works, but not as well as it should, or could
   * not be checked. `skipped`: the check was not made.
   */
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped'
  /** What the check has found: a sentence without its full stop. */
  readonly found: string
  /** The advice: how to fix the problem. */
  readonly todo?: string
}

export const ok = (check: string, found: string): Check => ({ check, state: 'ok', found })
export const warning = (check: string, found: string, todo: string): Check => ({ check, state: 'warning', found, todo })
export const failed = (check: string, found: string, todo: string): Check => ({ check, state: 'failed', found, todo })
export const skipped = (check: string, found: string): Check => ({ check, state: 'skipped', found })

/**
 * Runs one check. If a call of the check fails, the result is only a warning, because the checked part may still be in
 * order.
 */
export async function examine(check: string, run: () => Promise<Check>): Promise<Check> {
  try {
    return await run()
  } catch (error) {
    return unseen(check, causeOf(error), 'warning')
  }
}

/**
 * Runs a check whose call itself is the test, such as a call to the API. If the call fails, the check has failed. If the
 * credentials may not make the call, the result is a warning.
 */
export async function attempt(check: string, run: () => Promise<Check>): Promise<Check> {
  try {
    return await run()
  } catch (error) {
    return unseen(check, causeOf(error), 'failed')
  }
}

function unseen(check: string, error: Error, state: Check['state']): Check {
  const found = `could not be examined: ${oneLine(describeError(error))}`
  if (DENIED.test(error.name)) return warning(check, found, 'allow these credentials the call that the message names')
  return { check, state, found, todo: 'try again, and look for the message in docs/runbook.md' }
}

const DENIED = /AccessDenied|Unauthorized|NotAuthorized/

const causeOf = (error: unknown): Error => {
  if (error instanceof Unavailable && error.cause instanceof Error) return error.cause
  return error instanceof Error ? error : new Error(String(error))
}

const MAX_LENGTH = 300

/** Makes a short text without line ends, which fits into a line of the output. */
export const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH).toWellFormed()}…` : line
}

/** Prints one line for each check. The exit code is 1 if a check has failed. */
export function answerOf(checks: readonly Check[]): Answer {
  const failures = checks.filter(({ state }) => state === 'failed').length
  const rows = checks.map(({ state, check, found, todo }) => [
    state,
    check,
    todo === undefined ? found : `${found}: ${todo}`,
  ])
  return {
    json: { ok: failures === 0, checks },
    lines: columns(['state', 'check', 'found'], rows),
    refusals: failures === 0 ? [] : [refusalLine(`${failures} of ${checks.length} checks failed`)],
  }
}
