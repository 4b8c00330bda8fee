import { projectFolder, type RunningSystem } from './system.ts'

/** A line of a stack trace. It leaves out times such as `at 17:21:15`, which the terminal shows. */
const FRAME = /\bat (?!\d\d:)[^\n"]*:\d+:\d+/

/** Texts that no answer and no log may contain: lines of a stack trace, and identifiers of AWS. */
const NOWHERE: readonly RegExp[] = [FRAME, /arn:aws/, /amazonaws/, /\b0{12}\b/]

/** Other texts that no answer may contain: names of exceptions, of the parts of Sluice, and of its files. */
const IN_NO_ANSWER: readonly RegExp[] = [
  /\b[A-Za-z]+(Error|Exception)\b/,
  /\b(dynamodb|dynalite|sqs|fauxqs|postgres|pglite|sqlstate|lambda|zod|middy)/i,
  /x-amz|amzn/i,
  /node_modules|\.(ts|mjs|js):\d/,
]

/** Returns the forbidden texts in a log line. */
export const internalsOfLog = (line: string): string[] => found(NOWHERE, line)

/** Returns the forbidden texts in an answer. Names of this system's resources and folders are forbidden, too. */
export function internalsOfAnswer({ localJson, dataFolder }: RunningSystem, answer: string): string[] {
  const { ApiUrl: _, ...outputs } = localJson.outputs
  const names = [...Object.values(outputs), ...Object.values(localJson.endpoints), dataFolder, projectFolder]
  return [...found([...NOWHERE, ...IN_NO_ANSWER], answer), ...names.filter(name => answer.includes(name))]
}

const found = (patterns: readonly RegExp[], text: string): string[] =>
  patterns.flatMap(pattern => pattern.exec(text)?.[0] ?? [])
