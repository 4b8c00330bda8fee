type Fields = Record<string, unknown>

/** The pieces of a stream don't show how they belong together. A guess could change the answer, so it is refused. */
export class Unjoinable extends Error {
  override readonly name = 'Unjoinable'
}

/** The fields that name a thing. Some servers repeat them in each piece, so their texts are not joined. */
const LABELS = new Set(['id', 'type', 'name', 'role'])

/**
 * Joins the pieces of an object, field by field. Texts are joined (`content`, `reasoning_content`, `refusal`,
 * `arguments`), and so are lists. Objects are joined in the same way as the whole. A label must be the same in all pieces.
 * For a number or a boolean, the last value counts. Throws `Unjoinable`.
 */
export function joinFields(pieces: readonly object[]): Fields {
  const entries = pieces.flatMap(piece => Object.entries(piece) as [string, unknown][])
  const valuesByName = Map.groupBy(entries, ([name]) => name)
  return Object.fromEntries(
    [...valuesByName].map(([name, list]) => [
      name,
      joinValues(
        name,
        list.map(([, value]) => value),
      ),
    ]),
  )
}

function joinValues(name: string, values: readonly unknown[]): unknown {
  const given = values.filter(value => value !== null && value !== undefined && value !== '')
  const [first] = given
  if (given.length === 0) return values.includes('') ? '' : null
  if (given.length === 1 || (LABELS.has(name) && given.every(value => value === first))) return first
  if (LABELS.has(name)) throw new Unjoinable()
  if (given.every(value => typeof value === 'string')) return given.join('')
  if (given.every(value => Array.isArray(value))) return given.flat()
  if (given.every(isFields)) return joinFields(given)
  if (given.some(value => typeof value === 'string' || typeof value === 'object')) throw new Unjoinable()
  return given.at(-1)
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
