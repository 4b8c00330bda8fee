import type { Admin } from './admin.ts'

/** The answer of a command: as JSON for programs, and as lines for people. */
export interface Answer {
  readonly json: unknown
  readonly lines: readonly string[]
  /** Makes the lines of a table. No line has more than `width` characters. The table is printed before `lines`. */
  readonly table?: ((width: number) => readonly string[]) | undefined
  /**
   * Lines for people about failed steps and problems, one line for each. If there are any, the command ends with exit
   * code 1.
   */
  readonly refusals?: readonly string[]
}

/** Formats the line of a refusal. */
export const refusalLine = (sentence: string): string => `error: ${sentence}`

/** Tells people what a running command does. With --json, these lines are not printed: programs read only the answer. */
export type Tell = (line: string) => void

/** Options of every command that runs an operation. */
export interface RunOptions {
  /** The seconds after which the operation runs again, until Ctrl-C. If it is absent, the operation runs once. */
  readonly watch?: number | undefined
}

/** Runs an operation against the system that the command line names, and prints its answer. */
export type Run = (operation: (admin: Admin, tell: Tell) => Promise<Answer>, options?: RunOptions) => Promise<void>

/** Runs an operation that prints line after line until it ends or the user presses Ctrl-C. */
export type Follow = (operation: (admin: Admin, feed: Feed) => Promise<void>) => Promise<void>

/** Takes the output of a running operation. */
export interface Feed {
  /** Prints a line for people, or, with --json, a value as one line of JSON. */
  print(line: string, json: unknown): void
  /** Tells people something about the command itself, on stderr. */
  note: Tell
  /** Waits for a number of milliseconds. Returns false if the command must end. */
  wait(ms: number): Promise<boolean>
}
