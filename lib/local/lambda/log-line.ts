import * as z from 'zod'
import { parseJson } from '../parse-json.ts'

/** A warning or an error that a function has logged, as the terminal shows it. */
export interface Trouble {
  readonly level: 'WARN' | 'ERROR'
  readonly message: string
  /** The message of the logged error, if there is one. */
  readonly cause?: string | undefined
  /** The error text that the model itself gave, if the trouble is a failed call to a model. */
  readonly said?: string | undefined
  /** `lasts`: a state has begun, such as an open circuit. The state lasts until another log line says that it has ended. `ends`: a state has ended. */
  readonly state?: 'lasts' | 'ends' | undefined
  /** The topic of the state. A line with `ends` ends the states with the same source and topic. */
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

/** A quick test that finds lines with a warning or an error. Only these lines are parsed. */
const MAY_BE_TROUBLE = /"(WARN|ERROR)"/

/** Reads a line of a function's output. Returns undefined if the line is no warning and no error. Fields that are not in `Trouble` are left out. */
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
