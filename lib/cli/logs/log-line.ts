import { parseJson } from '../../local/parse-json.ts'
import type { LogLine } from './port.ts'

/** The logger's fields that are not shown as further fields: they are the same in each line, or are shown in another way. */
const OF_EACH_LINE: ReadonlySet<string> = new Set([
  'level',
  'message',
  'timestamp',
  'service',
  'cold_start',
  'function_memory_size',
  'function_name',
  'function_request_id',
  'sampling_rate',
  'xray_trace_id',
])

/** Reads a line of a function's log. `at` is the time that a line gets if it has no time of its own. */
export function readLogLine(text: string, functionName: string, at: number): LogLine {
  const value = text.startsWith('{') ? parseJson(text) : undefined
  if (typeof value !== 'object' || value === null || !('message' in value || 'errorMessage' in value))
    return { at, function: functionName, level: '', message: text, fields: {} }
  const all: Record<string, unknown> = { ...value }
  const { timestamp, level, message = all.errorMessage } = all
  const time = typeof timestamp === 'string' ? Date.parse(timestamp) : Number.NaN
  return {
    at: Number.isNaN(time) ? at : time,
    function: functionName,
    level: typeof level === 'string' ? level : '',
    message: typeof message === 'string' ? message : JSON.stringify(message),
    fields: Object.fromEntries(Object.entries(all).filter(([name]) => !OF_EACH_LINE.has(name))),
  }
}

/** Returns whether a line is a metric in CloudWatch's embedded format, or Lambda's own report about an invocation. */
export const isNoLogLine = (text: string): boolean =>
  text === '' || text.includes('"_aws":') || /^(START|END|REPORT) RequestId/.test(text) || text.includes('"platform.')

export const byTime = (lines: readonly LogLine[]): LogLine[] => lines.toSorted((a, b) => a.at - b.at)
