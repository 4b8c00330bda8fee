import * as z from 'zod'
import { parseJson } from '../parse-json.ts'

/** A warning or an error that a function has logged, as the terminal shows it. */
export interface Trouble {
  readonly level: 'WARN' | 'ERROR'
  readonly message: string
  /** What the logged error says, if there is one. */
  readonly cause?: string | undefined
  /** What a model has said about its failure. */
  readonly said?: string | undefined
  /** `lasts`: a state that goes on until another line tells its end. `ends`: this line tells the end of such a state. */
  readonly state?: 'lasts' | 'ends' | undefined
  /** What the state is about. A line that tells an end ends the states of the same source about the same. */
  readonly topic?: string | undefined
}

const Text = z.string().optional().catch(undefined)

const Line = z.object({
  level: z.enum(['WARN', 'ERROR']),
  message: z.coerce.string(),
  error: z.object({ message: z.string() }).optional().catch(undefined),
  detail: Text,
  reason: Text,
  trouble: z.enum(['lasts', 'ends']).optional().catch(undefined),
  trouble_of: Text,
})

/** A quick look, so that only few lines are parsed. */
const MAY_BE_TROUBLE = /"(WARN|ERROR)"/

/** Reads a line of a function's output. Answers with undefined if it is no warning and no error. Other fields may hold anything, so they are left out. */
export function troubleIn(line: string): Trouble | undefined {
  if (!line.startsWith('{') || !MAY_BE_TROUBLE.test(line)) return undefined
  const { data } = Line.safeParse(parseJson(line))
  if (!data) return undefined
  const { level, message, error, detail, reason, trouble, trouble_of: topic } = data
  const said = detail ?? (reason !== undefined && message.includes(reason) ? undefined : reason)
  return {
    level,
    message,
    cause: error?.message,
    ...(said !== undefined && { said }),
    ...(trouble && { state: trouble }),
    ...(trouble && topic !== undefined && { topic }),
  }
}

/** Whether a line is a metric in CloudWatch's embedded format. */
export const isMetric = (line: string): boolean => line.startsWith('{"_aws":')
