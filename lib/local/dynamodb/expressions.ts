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

/** The remembered result of parsing the expressions of a call. */
interface Remembered {
  /** Undefined if dynalite, the emulator of DynamoDB, must parse the expressions for each call. */
  readonly fill: Fill | undefined
  readonly bounds: readonly (readonly [lower: string, upper: string])[]
  /** The text of all expressions of the call, from which the placeholders were removed. `areDistinct` looks for names in this text. */
  readonly written: string
}

/** Puts names and values into a part of an expression. */
type Fill = (names: Readonly<Record<string, string>>, values: Item) => unknown

/**
 * The highest number of remembered results. Sluice has fewer expressions. But another caller may write values into its expressions, and so has many.
 * Without this limit, its expressions would fill the memory.
 */
const MAX_REMEMBERED = 500
/** The meaning of an expression with `attribute_type` depends on the values of the call. So it is parsed for each call. */
const WITH_VALUES = /attribute_type/i
/**
 * When dynalite parses BETWEEN, it refuses bounds in the wrong order. Here an expression is parsed only once, so each call's bounds must be checked.
 * Otherwise a call with wrong bounds would succeed, which DynamoDB refuses.
 */
const BETWEEN = /between/gi
const BOUNDS = /between\s+(:\w+)\s+and\s+(:\w+)/gi
/** Numbers that JavaScript can compare exactly, because they have few digits. */
const FEW_DIGITS = /^-?\d{1,15}$/
/** The placeholders for names and values in an expression, such as `#status` and `:now`. */
const PLACEHOLDERS = /[#:]\w+/g
const NO_NAMES = {}
const NO_VALUES: Item = {}

/**
 * Parses expressions with dynalite's parsers. Parsing takes longer than everything else in a call. So each text is parsed only once, with sample names
 * and values. Each call then replaces the samples by its own names and values. The result is undefined if dynalite refuses the expressions, or if they
 * can't be parsed with samples. Then the caller must let dynalite's own checks parse them.
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

/** Returns the placeholders of the two values of each BETWEEN. */
const boundsIn = (text: string): (readonly [string, string])[] =>
  [...text.matchAll(BOUNDS)].map(([, lower = '', upper = '']) => [lower, upper])

/** Whether two values are numbers in ascending order. For values that only dynalite can compare, the answer is no, so dynalite parses the expression. */
const areInOrder = (lower: Value | undefined, upper: Value | undefined): boolean =>
  FEW_DIGITS.test(lower?.N ?? '') && FEW_DIGITS.test(upper?.N ?? '') && Number(lower?.N) <= Number(upper?.N)

/** Whether the names differ from each other and from the names in the text. If not, paths may overlap, so dynalite must parse and check the expressions. */
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

/** Makes a sample name. Its first character is in no name that an expression can contain, so it can't be confused with a real name. */
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

/**
 * Makes the function that copies a part of a parsed expression and replaces the samples in it. `holes` has, for each sample, the function that returns
 * its replacement. Returns undefined if the part has no samples.
 */
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
