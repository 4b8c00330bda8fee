import type { AttributeValue } from '@aws-sdk/client-dynamodb'

export type Item = Readonly<Record<string, AttributeValue>>

/** An item, and the meanings of an expression's placeholders. */
export interface Scope {
  readonly item: Item
  readonly names: Readonly<Record<string, string>>
  readonly values: Item
}

export type Path = readonly (string | number)[]
type Value = AttributeValue | undefined
type Operand = (scope: Scope) => Value
type Condition = (scope: Scope) => boolean
type PathOf = (scope: Scope) => Path

/** The error that DynamoDB answers with HTTP 400. */
export class InvalidExpression extends Error {
  override readonly name = 'ValidationException'
}

export interface Parsed<Result> {
  readonly result: Result
  /** The placeholders in the expression. DynamoDB refuses names and values that no expression uses. */
  readonly placeholders: ReadonlySet<string>
}

export interface UpdateActions {
  readonly sets: readonly { readonly path: PathOf; readonly value: Operand }[]
  readonly removes: readonly PathOf[]
}

const TOKEN = /\s*([#:]?[A-Za-z_]\w*|\d+|<=|>=|<>|[-+=<>(),.[\]])/y

class Tokens {
  readonly placeholders = new Set<string>()
  readonly #tokens: string[] = []
  #next = 0

  constructor(text: string) {
    TOKEN.lastIndex = 0
    while (TOKEN.lastIndex < text.trimEnd().length) {
      const token = TOKEN.exec(text)?.[1]
      if (token === undefined) throw new InvalidExpression(`no token in ${text}`)
      this.#tokens.push(token)
      if (/^[#:]/.test(token)) this.placeholders.add(token)
    }
  }

  peek(): string | undefined {
    return this.#tokens[this.#next]
  }

  take(): string {
    const token = this.#tokens[this.#next++]
    if (token === undefined) throw new InvalidExpression('the expression ends too soon')
    return token
  }

  /** Consumes the next token if it is `token`. Returns false if it is another token. */
  takes(token: string): boolean {
    if (this.peek() !== token) return false
    this.#next++
    return true
  }

  expect(token: string): void {
    if (!this.takes(token)) throw new InvalidExpression(`${token} is expected, not ${this.peek()}`)
  }
}

/** Makes a parser that keeps every parsed expression. The cache stays small, because the adapters have only a few expressions. */
function cached<Result>(parse: (tokens: Tokens) => Result): (text: string) => Parsed<Result> {
  const parsed = new Map<string, Parsed<Result>>()
  return text => {
    const known = parsed.get(text)
    if (known) return known
    const tokens = new Tokens(text)
    const result = parse(tokens)
    if (tokens.peek() !== undefined) throw new InvalidExpression(`unexpected ${tokens.peek()} in ${text}`)
    const fresh = { result, placeholders: tokens.placeholders }
    parsed.set(text, fresh)
    return fresh
  }
}

export const parseCondition = cached(anyOf)
export const parseUpdate = cached(update)
export const parseProjection = cached(tokens => list(tokens, path))

function list<T>(tokens: Tokens, one: (tokens: Tokens) => T): T[] {
  const all = [one(tokens)]
  while (tokens.takes(',')) all.push(one(tokens))
  return all
}

function anyOf(tokens: Tokens): Condition {
  const terms = [allOf(tokens)]
  while (tokens.takes('OR')) terms.push(allOf(tokens))
  return scope => terms.some(term => term(scope))
}

function allOf(tokens: Tokens): Condition {
  const terms = [condition(tokens)]
  while (tokens.takes('AND')) terms.push(condition(tokens))
  return scope => terms.every(term => term(scope))
}

function condition(tokens: Tokens): Condition {
  if (tokens.takes('(')) {
    const inner = anyOf(tokens)
    tokens.expect(')')
    return inner
  }
  if (tokens.takes('attribute_exists')) {
    const of = inParentheses(tokens, path)
    return scope => get(scope.item, of(scope)) !== undefined
  }
  if (tokens.takes('attribute_not_exists')) {
    const of = inParentheses(tokens, path)
    return scope => get(scope.item, of(scope)) === undefined
  }
  const left = operand(tokens)
  if (tokens.takes('BETWEEN')) {
    const least = operand(tokens)
    tokens.expect('AND')
    const most = operand(tokens)
    return scope => order(left(scope), least(scope)) >= 0 && order(left(scope), most(scope)) <= 0
  }
  const compare = COMPARATORS[tokens.take()]
  if (!compare) throw new InvalidExpression('a comparison is expected')
  const right = operand(tokens)
  return scope => compare(left(scope), right(scope))
}

function inParentheses<T>(tokens: Tokens, of: (tokens: Tokens) => T): T {
  tokens.expect('(')
  const inner = of(tokens)
  tokens.expect(')')
  return inner
}

function operand(tokens: Tokens): Operand {
  if (tokens.takes('size')) {
    const of = inParentheses(tokens, path)
    return scope => sizeOf(get(scope.item, of(scope)))
  }
  if (tokens.peek()?.startsWith(':')) {
    const name = tokens.take()
    return ({ values }) => defined(values[name], name)
  }
  const of = path(tokens)
  return scope => get(scope.item, of(scope))
}

function path(tokens: Tokens): PathOf {
  const steps = [name(tokens)]
  for (;;) {
    if (tokens.takes('.')) steps.push(name(tokens))
    else if (tokens.takes('[')) {
      const index = Number(tokens.take())
      tokens.expect(']')
      steps.push(() => index)
    } else return scope => steps.map(step => step(scope))
  }
}

function name(tokens: Tokens): (scope: Scope) => string | number {
  const token = tokens.take()
  if (token.startsWith('#')) return ({ names }) => defined(names[token], token)
  if (!/^[A-Za-z]/.test(token)) throw new InvalidExpression(`${token} is no name`)
  return () => token
}

function update(tokens: Tokens): UpdateActions {
  const actions: { sets: UpdateActions['sets']; removes: UpdateActions['removes'] } = { sets: [], removes: [] }
  while (tokens.peek() !== undefined) {
    if (tokens.takes('SET')) actions.sets = list(tokens, assignment)
    else if (tokens.takes('REMOVE')) actions.removes = list(tokens, path)
    else throw new InvalidExpression(`unexpected ${tokens.peek()}`)
  }
  return actions
}

function assignment(tokens: Tokens): UpdateActions['sets'][number] {
  const to = path(tokens)
  tokens.expect('=')
  return { path: to, value: sum(tokens) }
}

function sum(tokens: Tokens): Operand {
  const left = assignable(tokens)
  const sign = tokens.takes('+') ? 1 : tokens.takes('-') ? -1 : 0
  if (sign === 0) return left
  const right = assignable(tokens)
  return scope => ({ N: String(numberOf(left(scope)) + sign * numberOf(right(scope))) })
}

function assignable(tokens: Tokens): Operand {
  if (!tokens.takes('if_not_exists')) return operand(tokens)
  return inParentheses(tokens, inner => {
    const of = path(inner)
    inner.expect(',')
    const otherwise = operand(inner)
    return scope => get(scope.item, of(scope)) ?? otherwise(scope)
  })
}

function defined<T>(value: T | undefined, placeholder: string): T {
  if (value === undefined) throw new InvalidExpression(`${placeholder} is not defined`)
  return value
}

function numberOf(value: Value): number {
  if (value?.N === undefined) throw new InvalidExpression('an operand of a sum is missing or no number')
  return Number(value.N)
}

function sizeOf(value: Value): Value {
  const size = value?.M ? Object.keys(value.M).length : (value?.L?.length ?? value?.S?.length)
  return size === undefined ? undefined : { N: String(size) }
}

/** A missing value makes each comparison false, except `<>`. */
const COMPARATORS: Readonly<Record<string, (a: Value, b: Value) => boolean>> = {
  '=': (a, b) => order(a, b) === 0,
  '<>': (a, b) => order(a, b) !== 0,
  '<': (a, b) => order(a, b) < 0,
  '<=': (a, b) => order(a, b) <= 0,
  '>': (a, b) => order(a, b) > 0,
  '>=': (a, b) => order(a, b) >= 0,
}

/** Compares two values: negative, 0 or positive. NaN for values that have no order, for example a text and a number. */
function order(a: Value, b: Value): number {
  if (a?.N !== undefined && b?.N !== undefined) return Number(a.N) - Number(b.N)
  if (a?.S !== undefined && b?.S !== undefined) return a.S < b.S ? -1 : a.S > b.S ? 1 : 0
  if (a?.BOOL !== undefined && b?.BOOL !== undefined && a.BOOL === b.BOOL) return 0
  return Number.NaN
}

/** The value at a path. Undefined if there is no value. */
export function get(item: Item, [first, ...rest]: Path): Value {
  let value: Value = item[String(first)]
  for (const step of rest) value = typeof step === 'number' ? value?.L?.[step] : value?.M?.[step]
  return value
}

/** Returns a copy of the item with a value at a path. If the value is undefined, the copy has nothing at this path. */
export function withAt(item: Item, [first, ...rest]: Path, value: Value): Item {
  const { [String(first)]: old, ...others } = item
  const changed = rest.length === 0 ? value : nested(old, rest, value)
  return changed === undefined ? others : { ...others, [String(first)]: changed }
}

function nested(parent: Value, rest: Path, value: Value): Value {
  if (parent?.M === undefined)
    throw new InvalidExpression('The document path provided in the update expression is invalid for update')
  return { M: withAt(parent.M, rest, value) }
}
