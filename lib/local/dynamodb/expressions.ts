import validations from 'dynalite/validations/index.js'
import type { Expressions, Item, Value } from './types.ts'

/** The expressions of a call, and the names and values in them. */
export interface Written {
  readonly UpdateExpression?: string
  readonly ConditionExpression?: string
  readonly ProjectionExpression?: string
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>
  readonly ExpressionAttributeValues?: Item
}

/** What is known of the expressions of a call. */
interface Remembered {
  /** Undefined if dynalite must parse them. */
  readonly fill: Fill | undefined
  readonly bounds: readonly (readonly [lower: string, upper: string])[]
  /** Their text without placeholders. */
  readonly written: string
}

/** Puts names and values into a part of an expression. */
type Fill = (names: Readonly<Record<string, string>>, values: Item) => unknown

/** More different expressions than Sluice has. A caller who writes values into expressions can have any number of them. */
const MAX_REMEMBERED = 500
/** What these say depends on values, so they are parsed with them each time. */
const WITH_VALUES = /attribute_type/i
/** dynalite refuses bounds in the wrong order when it parses them. */
const BETWEEN = /between/gi
const BOUNDS = /between\s+(:\w+)\s+and\s+(:\w+)/gi
/** Numbers with so few digits are compared exactly by JavaScript. */
const FEW_DIGITS = /^-?\d{1,15}$/
/** The names and values that are filled in. */
const PLACEHOLDERS = /[#:]\w+/g
const NO_NAMES = {}
const NO_VALUES: Item = {}

/**
 * Parses expressions with dynalite's parsers, which take longer than all else that a call does. So each text is parsed once, for names
 * and values that are filled in later. The result is undefined for expressions that dynalite refuses, or that can't be parsed in this
 * way; then dynalite's own checks must parse them.
 */
export function rememberExpressions(): (written: Written) => Expressions | undefined {
  const remembered = new Map<string, Remembered>()
  return written => {
    const { ExpressionAttributeNames: names = NO_NAMES, ExpressionAttributeValues: values = NO_VALUES } = written
    const { UpdateExpression, ConditionExpression, ProjectionExpression } = written
    const texts = [UpdateExpression, ConditionExpression, ProjectionExpression]
    const types = Object.entries(values).map(([name, value]) => name + Object.keys(value)[0])
    const key = JSON.stringify([texts, Object.keys(names), types])
    if (!remembered.has(key)) {
      if (remembered.size >= MAX_REMEMBERED) remembered.clear()
      remembered.set(key, {
        fill: parsed(written, texts.join(' ')),
        bounds: boundsIn(texts.join(' ')),
        written: texts.join(' ').replace(PLACEHOLDERS, ''),
      })
    }
    const known = remembered.get(key)
    if (!known?.fill || !areDistinct(Object.values(names), known.written)) return undefined
    if (!known.bounds.every(([lower, upper]) => areInOrder(values[lower], values[upper]))) return undefined
    return known.fill(names, values) as Expressions
  }
}

/** The values of each BETWEEN, as their placeholders. */
const boundsIn = (text: string): (readonly [string, string])[] =>
  [...text.matchAll(BOUNDS)].map(([, lower = '', upper = '']) => [lower, upper])

/** Whether two values are numbers in order, as far as that is told without dynalite. */
const areInOrder = (lower: Value | undefined, upper: Value | undefined): boolean =>
  FEW_DIGITS.test(lower?.N ?? '') && FEW_DIGITS.test(upper?.N ?? '') && Number(lower?.N) <= Number(upper?.N)

/** Whether names are different from each other and from those that are written out. Otherwise dynalite must look for paths that overlap. */
const areDistinct = (names: readonly string[], written: string): boolean =>
  names.every((name, i) => names.indexOf(name) === i && !written.includes(name))

function parsed(written: Written, text: string): Fill | undefined {
  if (WITH_VALUES.test(text) || (text.match(BETWEEN) ?? []).length !== boundsIn(text).length) return undefined
  const names = Object.keys(written.ExpressionAttributeNames ?? {}).map(name => [name, placeholderOf(name)] as const)
  const values = Object.entries(written.ExpressionAttributeValues ?? {}).map(
    ([name, value]) => [name, { ...SAMPLES[Object.keys(value)[0] ?? ''] }] as const,
  )
  const call = {
    ...written,
    ...(names.length > 0 && { ExpressionAttributeNames: Object.fromEntries(names) }),
    ...(values.length > 0 && { ExpressionAttributeValues: Object.fromEntries(values) }),
  }
  if (validations.validateExpressions(call) !== undefined) return undefined
  const { _updates, _condition, _projection } = call as Expressions
  const holes = new Map<unknown, Fill>([
    ...names.map(
      ([name, placeholder]) => [placeholder, (given: Readonly<Record<string, string>>) => given[name]] as const,
    ),
    ...values.map(([name, sample]) => [sample, (_: unknown, given: Item) => given[name]] as const),
  ])
  const found = {
    ...(_updates && { _updates }),
    ...(_condition && { _condition }),
    ...(_projection && { _projection }),
  }
  return fillOf(found, holes) ?? (() => found)
}

/** No name in the text of an expression has this character. */
const placeholderOf = (name: string): string => `\u0001${name}`

const SAMPLES: Readonly<Record<string, object>> = {
  S: { S: 'x' },
  N: { N: '0' },
  BOOL: { BOOL: true },
  NULL: { NULL: true },
  SS: { SS: ['x'] },
  L: { L: [] },
  M: { M: {} },
}

/** Makes the function that copies a part of a parsed expression and fills its holes. Undefined: the part has none. */
function fillOf(part: unknown, holes: ReadonlyMap<unknown, Fill>): Fill | undefined {
  const hole = holes.get(part)
  if (hole || typeof part !== 'object' || part === null) return hole
  if (Array.isArray(part)) {
    const fills = part.map(element => fillOf(element, holes))
    if (fills.every(fill => fill === undefined)) return undefined
    return (names, values) => part.map((element, i) => fills[i]?.(names, values) ?? element)
  }
  const members = Object.entries(part).map(([key, value]) => ({
    key,
    value,
    fillKey: holes.get(key),
    fill: fillOf(value, holes),
  }))
  if (members.every(({ fill, fillKey }) => !fill && !fillKey)) return undefined
  return (names, values) => {
    const copy: Record<string, unknown> = { __proto__: null } as never
    for (const { key, value, fillKey, fill } of members)
      copy[fillKey ? String(fillKey(names, values)) : key] = fill ? fill(names, values) : value
    return copy
  }
}
