import type { Operator } from './operator.ts'

/** What a command has to say: to a program, and, line by line, to people. */
export interface Answer {
  readonly json: unknown
  readonly lines: readonly string[]
  /** What could not be done, or isn't right, a sentence each, for people: with any, the command ends with exit code 1. */
  readonly refusals?: readonly string[]
}

/** Runs an operation against the system that the command line names, and prints its answer. */
export type Run = (operation: (operator: Operator) => Promise<Answer>) => Promise<void>
