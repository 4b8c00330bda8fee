/**
 * The functions whose time and memory are proportional to their first argument, if the other arguments are literals.
 * The number is the most arguments for which this holds. With one argument more, some functions take a picture (a
 * format), which can demand a text of any length. If another argument is not a literal, a client may choose it, and a
 * search for a long text can take minutes.
 */
const BOUNDED_FUNCTIONS: Readonly<Record<string, number>> = {
  ...{ millis: 0, now: 0, uuid: 0 },
  ...{ abs: 1, average: 1, boolean: 1, ceil: 1, count: 1, exists: 1, floor: 1, keys: 1, length: 1, lowercase: 1 },
  ...{ max: 1, merge: 1, min: 1, not: 1, number: 1, string: 1, sum: 1, type: 1, uppercase: 1 },
  ...{ base64decode: 1, base64encode: 1, bytes: 1, fromMillis: 1, sha256: 1, toMillis: 1 },
  ...{ contains: 2, join: 2, lookup: 2, round: 2, substring: 3, substringAfter: 2, substringBefore: 2 },
  omit: 100,
}

const BOUNDED_OPERATORS = new Set(['+', '-', '*', '/', '%', '=', '!=', '<', '<=', '>', '>=', 'and', 'or', 'in', '&'])

const LITERAL_TYPES = new Set(['string', 'number', 'value'])

/**
 * The fields of a node in JSONata's syntax tree that mark a grouping, a binding to each item, or the use of a parent.
 * These operations can make a list larger, so an expression with one of them is not bounded.
 */
const UNBOUNDED_MARKS = ['group', 'focus', 'index', 'ancestor', 'tuple'] as const

type Node = {
  type?: string
  value?: unknown
  steps?: Node[]
  stages?: Node[]
  predicate?: Node[]
  expr?: Node
  procedure?: Node
  arguments?: Node[]
  lhs?: Node | [Node, Node][]
  rhs?: Node
  expression?: Node
  expressions?: Node[]
  condition?: Node
  then?: Node
  else?: Node
} & { [Mark in (typeof UNBOUNDED_MARKS)[number]]?: unknown }

/**
 * Returns whether an expression consists only of fields, literals, conditions, operators and simple functions. Then the
 * result of each part is at most as large as the input, and JSONata's own limits are enough. Any other expression runs
 * in the sandbox. With anything else (regular expressions, functions that the expression defines, sorting, mapping over
 * lists), some inputs could make the expression use any amount of time or memory.
 */
export function isBounded(ast: unknown): boolean {
  const node = ast as Node
  if (UNBOUNDED_MARKS.some(mark => node[mark] !== undefined)) return false
  if (![...(node.stages ?? []), ...(node.predicate ?? [])].every(isBoundedFilter)) return false
  switch (node.type) {
    case 'string':
    case 'number':
    case 'value':
    case 'variable':
    case 'name':
      return true
    case 'path':
      // JSONata evaluates each step after the first once per item of a list. So such a step may use only its item.
      return (node.steps ?? []).every((step, index) => (index === 0 || isOfItem(step)) && isBounded(step))
    case 'binary':
      return BOUNDED_OPERATORS.has(String(node.value)) && isBounded(node.lhs) && isBounded(node.rhs)
    case 'unary':
      return operandsOf(node).every(isBounded)
    case 'block':
      return (node.expressions ?? []).every(isBounded)
    case 'condition':
      return [node.condition, node.then, ...(node.else ? [node.else] : [])].every(isBounded)
    case 'function':
      return isBoundedCall(node)
    default:
      return false
  }
}

/** Matches the steps that make a new value from an item: `[x, y]`, `{ x: y }` and `( x )`. */
const makesValue = ({ type, value }: Node): boolean => type === 'block' || (type === 'unary' && value !== '-')

/**
 * Returns whether a step of a path is a name, or makes a value from its item alone. Then the size of all results
 * together is in proportion to the size of all items. With a variable, each item's result could contain the whole input
 * (`$$`), and all results together could be huge.
 */
const isOfItem = (step: Node): boolean => step.type === 'name' || (makesValue(step) && !usesVariable(step))

function usesVariable(tree: unknown): boolean {
  if (typeof tree !== 'object' || tree === null) return false
  const { type, value, procedure, ...parts } = tree as Node
  // `$`, the variable with the empty name, is the item itself, so it may be used. The name of a called function is also
  // a variable in the tree. So `procedure` is left out.
  if (type === 'variable' && value !== '') return true
  return Object.values(parts).some(usesVariable)
}

const isBoundedFilter = ({ type, expr }: Node): boolean => type === 'filter' && isBounded(expr)

/** Lists the operands of `-x`, `[x, y]` and `{ x: y }`. */
const operandsOf = ({ expression, expressions, lhs }: Node): unknown[] =>
  expression ? [expression] : (expressions ?? (Array.isArray(lhs) ? lhs.flat() : []))

function isBoundedCall({ procedure, arguments: given = [] }: Node): boolean {
  if (procedure?.type !== 'variable') return false
  const name = String(procedure.value)
  const maxArguments = Object.hasOwn(BOUNDED_FUNCTIONS, name) ? BOUNDED_FUNCTIONS[name] : undefined
  const [first, ...others] = given
  return (
    maxArguments !== undefined &&
    given.length <= maxArguments &&
    (first === undefined || isBounded(first)) &&
    others.every(({ type = '' }) => LITERAL_TYPES.has(type))
  )
}
