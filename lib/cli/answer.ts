import type { Admin } from './admin.ts'

/** What a command has to say: to a program, and, line by line, to people. */
export interface Answer {
  readonly json: unknown
  readonly lines: readonly string[]
  /** What could not be done, or isn't right, a line each, for people: with any, the command ends with exit code 1. */
  readonly refusals?: readonly string[]
}

/** A line of a refusal, as people know one. */
export const refusalLine = (sentence: string): string => `error: ${sentence}`

/** Tells people of what is done while there is more to do; programs find all of it in the answer. */
export type Tell = (line: string) => void

/** Runs an operation against the system that the command line names, and prints its answer. */
export type Run = (operation: (admin: Admin, tell: Tell) => Promise<Answer>) => Promise<void>
