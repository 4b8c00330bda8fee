/** Where a value stands in the pipeline file: `['models', 'text', 'retry']`. */
export type Path = readonly PropertyKey[]

/**
 * Something wrong with one value. `message` ends the sentence that the name of the value begins, or that of `subject`: `must be …`.
 * It is shown at the value; at its key if `atKey`; inside its text if there is an `offset` (characters from 0).
 */
export interface Finding {
  path: Path
  subject?: Path
  message: string
  atKey?: boolean
  offset?: number
}

/** Something wrong with the file, where a user finds it. Line and column count from 1. */
export interface Problem {
  file: string
  line: number
  column: number
  message: string
}

/** The pipeline file can't be used. The message has one line a problem: `pipeline.yaml:12:7: <sentence>`. */
export class ConfigError extends Error {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}
