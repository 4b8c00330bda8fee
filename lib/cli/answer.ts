import type { Admin } from './admin.ts'

/** The answer of a command: as JSON for programs, and as lines for people. */
export interface Answer {
  readonly json: unknown
  readonly lines: readonly string[]
  /** What could not be done or is wrong, one line for each, for people. With any of them, the command ends with exit code 1. */
  readonly refusals?: readonly string[]
}

/** Formats the line of a refusal. */
export const refusalLine = (sentence: string): string => `error: ${sentence}`

/** Tells people what is done while a command goes on. Programs find all of it in the answer. */
export type Tell = (line: string) => void

/** Runs an operation against the system that the command line names, and prints its answer. */
export type Run = (operation: (admin: Admin, tell: Tell) => Promise<Answer>) => Promise<void>
