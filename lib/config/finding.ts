/** The path of a value in the pipeline file: `['models', 'text', 'retry']`. */
export type Path = readonly PropertyKey[]

/**
 * One mistake in the pipeline. `message` completes a sentence (`must be …`) that begins with the name of the value or,
 * if `subject` is there, with the name of `subject`. The mistake is shown at the value, at its key (`atKey`), or inside
 * its text (`offset`, in characters from 0).
 */
export interface Finding {
  path: Path
  subject?: Path
  message: string
  atKey?: boolean
  offset?: number
}

/** One mistake in the file, with its place. Line and column count from 1. */
export interface Problem {
  file: string
  line: number
  column: number
  message: string
}

/**
 * Says that the pipeline file can't be used. The message has one line per problem: `pipeline.yaml:12:7: <sentence>`.
 */
export class ConfigError extends Error {
  readonly problems: readonly Problem[]

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ file, line, column, message }) => `${file}:${line}:${column}: ${message}`).join('\n'))
    this.name = 'ConfigError'
    this.problems = problems
  }
}
