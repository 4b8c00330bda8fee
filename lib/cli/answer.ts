import type { Operator } from './operator.ts'

/** What a command has to say: to a program, and, line by line, to people. */
export interface Answer {
  readonly json: unknown
  readonly lines: readonly string[]
}

/** Runs an operation against the system that the command line names, and prints its answer. */
export type Run = (operation: (operator: Operator) => Promise<Answer>) => Promise<void>
