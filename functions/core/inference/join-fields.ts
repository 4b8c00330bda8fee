import { isObject } from '../domain/json-value.ts'

type Fields = Record<string, unknown>

/** The pieces of a stream don't show how they belong together. A guess could change the answer, so it is refused. */
export class Unjoinable extends Error {
  override readonly name = 'Unjoinable'
}

/** The fields that name a thing. Some servers repeat them in each piece, so their texts are not joined. */
const LABELS = new Set(['id', 'type', 'name', 'role'])

/**
 * Joins the pieces of an object, field by field. Texts are joined (`content`, `reasoning_content`, `refusal`,
 * `arguments`), and so are lists. Objects are joined in the same way as the whole. A label is not joined, because it
 * should be the same in all pieces. For a number, a boolean, or values that can't be joined, the last value counts.
 * Throws `Unjoinable` if a field of `strict`, or a part of it, can't be joined.
 */
export function joinFields(pieces: readonly object[], strict: readonly string[] = []): Fields {
  return joinEach(pieces, name => strict.includes(name))
}

function joinEach(pieces: readonly object[], isStrict: (name: string) => boolean): Fields {
  const entries = pieces.flatMap(piece => Object.entries(piece) as [string, unknown][])
  const valuesByName = Map.groupBy(entries, ([name]) => name)
  return Object.fromEntries(
    [...valuesByName].map(([name, list]) => [
      name,
      joinValues(
        name,
        list.map(([, value]) => value),
        isStrict(name),
      ),
    ]),
  )
}

function joinValues(name: string, values: readonly unknown[], isStrict: boolean): unknown {
  const given = values.filter(value => value !== null && value !== undefined && value !== '')
  const [first] = given
  if (given.length === 0) return values.includes('') ? '' : null
  if (given.length === 1 || (LABELS.has(name) && given.every(value => value === first))) return first
  if (LABELS.has(name)) return lastOf(given, isStrict)
  if (given.every(value => typeof value === 'string')) return given.join('')
  if (given.every(value => Array.isArray(value))) return given.flat()
  if (given.every(isObject)) return joinEach(given, () => isStrict)
  if (name === 'content' && given.every(value => typeof value === 'string' || Array.isArray(value)))
    return joinParts(given)
  return lastOf(given, isStrict && given.some(value => typeof value === 'string' || typeof value === 'object'))
}

function lastOf(values: readonly unknown[], isRefused: boolean): unknown {
  if (isRefused) throw new Unjoinable()
  return values.at(-1)
}

/** Joins texts and lists of parts to one list of parts. Mistral sends its thinking in lists, and then texts. */
function joinParts(values: readonly (string | unknown[])[]): unknown[] {
  const parts: unknown[] = []
  let open: { type: 'text'; text: string } | undefined
  for (const value of values) {
    if (typeof value === 'string' && open) open.text += value
    else {
      open = typeof value === 'string' ? { type: 'text', text: value } : undefined
      for (const part of open ? [open] : value) parts.push(part)
    }
  }
  return parts
}
