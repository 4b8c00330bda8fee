import { projectFolder, type RunningSystem } from './system.ts'

/** A frame of a stack. The terminal tells times, too, such as `at 17:21:15`. */
const FRAME = /\bat (?!\d\d:)[^\n"]*:\d+:\d+/

/** What no answer and no log may hold, whoever caused it: frames of a stack, and what AWS calls its own things. */
const NOWHERE: readonly RegExp[] = [FRAME, /arn:aws/, /amazonaws/, /\b0{12}\b/]

/** What clients have no use for besides: exceptions by name, the parts that Sluice is made of, its files. */
const IN_NO_ANSWER: readonly RegExp[] = [
  /\b[A-Za-z]+(Error|Exception)\b/,
  /\b(dynamodb|dynalite|sqs|fauxqs|postgres|pglite|sqlstate|lambda|zod|middy)/i,
  /x-amz|amzn/i,
  /node_modules|\.(ts|mjs|js):\d/,
]

/** What a line of a log holds that it must not. */
export const internalsOfLog = (line: string): string[] => found(NOWHERE, line)

/** What an answer holds that it must not: what no log may hold, and names of this system's resources and folders. */
export function internalsOfAnswer({ localJson, dataFolder }: RunningSystem, answer: string): string[] {
  const { ApiUrl: _, ...outputs } = localJson.outputs
  const names = [...Object.values(outputs), ...Object.values(localJson.endpoints), dataFolder, projectFolder]
  return [...found([...NOWHERE, ...IN_NO_ANSWER], answer), ...names.filter(name => answer.includes(name))]
}

const found = (patterns: readonly RegExp[], text: string): string[] =>
  patterns.flatMap(pattern => pattern.exec(text)?.[0] ?? [])
