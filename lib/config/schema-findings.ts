import * as z from 'zod'
import type { Finding, Path } from './finding.ts'
import { suggest } from './suggest.ts'

type Issue = z.core.$ZodIssue

/** The parameters of our own checks: the place of the mistake in a value, and the part of the value that the message quotes. */
const Params = z.object({
  offset: z.number().optional(),
  atKey: z.boolean().optional(),
  quoted: z.string().optional(),
})

/** The data that the schema checked, and the original text of each value in which a variable was replaced. */
interface Checked {
  data: unknown
  writtenAs: (path: Path) => string | undefined
}

/**
 * Turns the schema's issues into one finding per mistake. If a value may have several forms, the finding is about the
 * nearest form.
 */
export function toFindings(issues: readonly Issue[], checked: Checked, parent: Path = []): Finding[] {
  return issues
    .filter(issue => !isMistypedKey(issue, issues))
    .flatMap(issue => fromIssue(issue, checked, [...parent, ...issue.path]))
}

// For a required key with a typo the schema reports two issues: an unknown key and a missing key. The finding about the unknown key
// already names the right key. So the finding about the missing key is left out.
function isMistypedKey({ code, path }: Issue, issues: readonly Issue[]): boolean {
  const name = path.at(-1)
  if (code !== 'invalid_type' || typeof name !== 'string') return false
  const place = path.slice(0, -1).join('\0')
  return issues.some(
    other =>
      other.code === 'unrecognized_keys' &&
      other.path.join('\0') === place &&
      other.keys.some(key => suggest(key, [name]) === name),
  )
}

/** Lists the paths where the file has a text, but the schema wants a number or a boolean. */
export function mistypedPaths(issues: readonly Issue[], data: unknown, parent: Path = []): Path[] {
  return issues.flatMap(issue => {
    const path = [...parent, ...issue.path]
    if (issue.code === 'invalid_union') return mistypedPaths(issue.errors.flat(), data, path)
    return issue.code === 'invalid_type' && typeof valueAt(data, path) === 'string' ? [path] : []
  })
}

function fromIssue(issue: Issue, checked: Checked, path: Path): Finding[] {
  switch (issue.code) {
    case 'unrecognized_keys': {
      // The message has one line per key: see section() in fields.ts.
      const messages = issue.message.split('\n')
      return issue.keys.map((key, index) => ({
        path: [...path, key],
        subject: path,
        message: messages[index] ?? '',
        atKey: true,
      }))
    }
    case 'invalid_key': {
      const message = `has the key ${JSON.stringify(path.at(-1))}, which ${issue.issues[0]?.message}`
      return [{ path, subject: path.slice(0, -1), message, atKey: true }]
    }
    case 'invalid_union':
      return toFindings(meantForm(issue.errors), checked, path)
    case 'custom': {
      const { offset, atKey, quoted = '' } = Params.parse(issue.params ?? {})
      // The message quotes only text in the file, because the value of a variable may be a secret.
      const isInFile = checked.writtenAs(path)?.includes(quoted) ?? true
      const message = isInFile ? issue.message : 'is not valid JSONata with the values of its variables'
      return [{ path, message, ...(offset !== undefined && { offset }), ...(atKey && { atKey }) }]
    }
    default:
      return [{ path, message: withValue(issue.message, checked, path) }]
  }
}

// Finds the form that is nearest to the value: a form of its type with the fewest unknown keys. If the type fits no form, the finding is
// about the simplest form, because a YAML mapping takes longer to write.
function meantForm(forms: readonly (readonly Issue[])[]): readonly Issue[] {
  const misfit = (issue: Issue) => {
    if (issue.code === 'unrecognized_keys') return issue.keys.length
    if (issue.code !== 'invalid_type' || issue.path.length > 0) return 0
    return issue.expected === 'object' ? 2_000 : 1_000
  }
  const misfits = (issues: readonly Issue[]) => issues.reduce((sum, issue) => sum + misfit(issue), 0)
  return forms.toSorted((a, b) => misfits(a) - misfits(b))[0] ?? []
}

// The message shows the text in the file, because the value of a variable may be a secret.
function withValue(message: string, { data, writtenAs }: Checked, path: Path): string {
  const value = valueAt(data, path)
  if (value === undefined) return `is missing; it ${message}`
  if (value === null) return `${message}, not empty`
  if (Array.isArray(value)) return value.length === 0 ? message : `${message}, not a list`
  if (typeof value === 'object') return `${message}, not a mapping`
  const written = writtenAs(path)
  if (written !== undefined) return `${message}, which ${written} does not give`
  const shown = typeof value === 'number' ? String(value) : JSON.stringify(value)
  return shown.length > 60 ? message : `${message}, not ${shown}`
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    data,
  )
}
