import { Unavailable } from '../../../functions/core/platform/unavailable.ts'
import type { Answer } from '../answer.ts'
import { refusalLine } from '../answer.ts'
import { columns } from '../columns.ts'

/** One thing that was examined. */
export interface Check {
  readonly check: string
  /** `failed`: it must be mended first. `warning`: it works, but not as well as it should, or nobody could look. `skipped`: it was not examined. */
  readonly state: 'ok' | 'warning' | 'failed' | 'skipped'
  /** What was found, in a sentence without its full stop. */
  readonly found: string
  /** What to do about it. */
  readonly todo?: string
}

export const ok = (check: string, found: string): Check => ({ check, state: 'ok', found })
export const warning = (check: string, found: string, todo: string): Check => ({ check, state: 'warning', found, todo })
export const failed = (check: string, found: string, todo: string): Check => ({ check, state: 'failed', found, todo })
export const skipped = (check: string, found: string): Check => ({ check, state: 'skipped', found })

/** Examines one thing. A call that fails is a result too: a warning, since the thing may be right although nobody could look at it. */
export async function examine(check: string, run: () => Promise<Check>): Promise<Check> {
  try {
    return await run()
  } catch (error) {
    return unseen(check, causeOf(error), 'warning')
  }
}

/** Examines what works only if the call succeeds: here a call that fails is a failure, unless these credentials may not make it. */
export async function attempt(check: string, run: () => Promise<Check>): Promise<Check> {
  try {
    return await run()
  } catch (error) {
    return unseen(check, causeOf(error), 'failed')
  }
}

function unseen(check: string, { name, message }: Error, state: Check['state']): Check {
  const found = `could not be examined: ${name}: ${oneLine(message)}`
  if (DENIED.test(name)) return warning(check, found, 'allow these credentials the call that the message names')
  return { check, state, found, todo: 'try again, and look for the message in docs/runbook.md' }
}

const DENIED = /AccessDenied|Unauthorized|NotAuthorized/

const causeOf = (error: unknown): Error => {
  if (error instanceof Unavailable && error.cause instanceof Error) return error.cause
  return error instanceof Error ? error : new Error(String(error))
}

const MAX_LENGTH = 300

/** A text as a part of a line. */
export const oneLine = (text: string): string => {
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > MAX_LENGTH ? `${line.slice(0, MAX_LENGTH).toWellFormed()}…` : line
}

/** Prints one line for each check. Exit code 1 if one failed. */
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
