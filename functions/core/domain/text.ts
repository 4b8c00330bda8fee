import { problemOfMark } from './json-numbers.ts'
import { isContainer } from './json-value.ts'
import type { Problem } from './problems.ts'

/** The most levels of nested JSON in a body and in a result. Deeper JSON breaks some stores and parsers. */
export const MAX_DEPTH = 100

/**
 * Finds the first problem in a JSON value that some queue or store would change or refuse: nesting over `MAX_DEPTH`,
 * U+0000, a lone surrogate (half of a character), or a number that JavaScript can't hold. The search uses almost no
 * memory, because a body may have very many values.
 */
export function findHostileText(value: unknown): Problem | undefined {
  if (isTooDeep(value)) return { path: '', message: `is nested over ${MAX_DEPTH} deep` }
  return findInText(value)
}

export const isTooDeep = (value: unknown): boolean => isDeeper(value, MAX_DEPTH)

/** Returns whether a value has more than `levels` levels. The deeper levels are not read. */
function isDeeper(value: unknown, levels: number): boolean {
  if (!isContainer(value)) return false
  if (levels === 0) return true
  for (const [, child] of entriesOf(value)) if (isDeeper(child, levels - 1)) return true
  return false
}

/** Finds the first hostile text, name or number in a value that is not too deep. */
function findInText(value: unknown): Problem | undefined {
  if (typeof value === 'string') {
    const message = stringProblem(value)
    return message === undefined ? undefined : { path: '', message }
  }
  if (typeof value === 'number' && !Number.isFinite(value))
    return { path: '', message: 'is a number too large to keep' }
  if (!isContainer(value)) return undefined
  for (const [key, child] of entriesOf(value)) {
    const nameProblem = typeof key === 'string' ? keyProblem(key) : undefined
    if (nameProblem !== undefined) return { path: '', message: `has a field name that ${nameProblem}` }
    const problem = findInText(child)
    if (problem) return { ...problem, path: join(key, problem.path) }
  }
  return undefined
}

const entriesOf = (container: object): Iterable<[string | number, unknown]> =>
  Array.isArray(container) ? container.entries() : Object.entries(container)

function join(step: string | number, rest: string): string {
  const first = typeof step === 'number' ? `[${step}]` : step
  return rest === '' || rest.startsWith('[') ? first + rest : `${first}.${rest}`
}

/**
 * Returns the problem of a field's name. `__proto__` can't be a field of a JavaScript object, and would be lost
 * silently.
 */
const keyProblem = (key: string): string | undefined =>
  key === '__proto__' ? 'is `__proto__`, which is lost on its way' : stringProblem(key)

function stringProblem(text: string): string | undefined {
  const ofNumber = problemOfMark(text)
  if (ofNumber !== undefined) return ofNumber
  if (text.includes('\u0000')) return 'contains U+0000, which no store keeps'
  if (!text.isWellFormed()) return 'contains a lone surrogate, which is no character'
  return undefined
}

/**
 * Returns the value with U+FFFD in place of U+0000 and lone surrogates, in texts and names. The value must not be
 * nested deeper than `MAX_DEPTH`, because the function calls itself for each level.
 */
export function withoutHostileText(value: unknown): unknown {
  if (typeof value === 'string') return withoutHostile(value)
  if (Array.isArray(value)) return value.map(withoutHostileText)
  if (!isContainer(value)) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [withoutHostile(key), withoutHostileText(child)]),
  )
}

/**
 * Returns whether `withoutHostileText` would give two fields of one object the same name. Then one of their values would
 * be lost. The value must not be nested deeper than `MAX_DEPTH`.
 */
export function wouldLoseField(value: unknown): boolean {
  if (!isContainer(value)) return false
  if (Array.isArray(value)) return value.some(wouldLoseField)
  const names = Object.keys(value)
  return new Set(names.map(withoutHostile)).size < names.length || Object.values(value).some(wouldLoseField)
}

const withoutHostile = (text: string): string => text.toWellFormed().replaceAll('\u0000', '\ufffd')

/**
 * Returns JSON that has only ASCII characters, because every queue accepts them. The length of this JSON is also its
 * size in bytes.
 */
export const toAsciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)

/** Returns a text with at most `max` characters. If the text is longer, it ends with `…`. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text
  // The cut may leave half of a character (a lone surrogate), which is removed.
  return `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
