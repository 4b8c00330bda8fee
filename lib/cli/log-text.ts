import type { LogLine } from './logs/port.ts'

/** Returns a line of a log for people: its time in UTC, its function, its level, its message, and its other fields. */
export function logText({ at, function: name, level, message, fields }: LogLine): string {
  const shown = Object.entries(fields).flatMap(([field, value]) =>
    value === undefined ? [] : [`${field}=${valueText(value)}`],
  )
  return [new Date(at).toISOString().slice(11, 23), name, level, message, ...shown].filter(Boolean).join(' ')
}

function valueText(value: unknown): string {
  if (value instanceof Object && 'name' in value && 'message' in value)
    return JSON.stringify(`${value.name}: ${value.message}`)
  if (typeof value === 'string' && /^[\w.:@/-]+$/.test(value)) return value
  return JSON.stringify(value)
}

/** Returns a line of a log for programs. */
export const logJson = ({ at, fields, ...line }: LogLine): object => ({
  at: new Date(at).toISOString(),
  ...line,
  ...fields,
})
