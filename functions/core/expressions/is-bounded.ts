/**
 * Functions that take time and memory in proportion to their first argument, if the others are literals, with the most
 * arguments for which that holds: a picture can ask for a text of any length, and to look for a long text can take minutes.
 */
const PLAIN_FUNCTIONS: Readonly<Record<string, number>> = {
  ...{ millis: 0, now: 0, uuid: 0 },
  ...{ abs: 1, average: 1, boolean: 1, ceil: 1, count: 1, exists: 1, floor: 1, keys: 1, length: 1, lowercase: 1 },
  ...{ max: 1, merge: 1, min: 1, not: 1, number: 1, string: 1, sum: 1, type: 1, uppercase: 1 },
  ...{ base64decode: 1, base64encode: 1, fromMillis: 1, sha256: 1, toMillis: 1 },
  ...{ contains: 2, lookup: 2, round: 2, substring: 3, substringAfter: 2, substringBefore: 2 },
}

const PLAIN_OPERATORS = new Set(['+', '-', '*', '/', '%', '=', '!=', '<', '<=', '>', '>=', 'and', 'or', 'in', '&'])

const LITERALS = new Set(['string', 'number', 'value'])

/** Grouping, binding to each item, and parents: what makes of one list another that may be larger. */
const NOT_PLAIN = ['group', 'focus', 'index', 'ancestor', 'tuple'] as const

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
} & { [Mark in (typeof NOT_PLAIN)[number]]?: unknown }

/**
 * Whether an expression is made of fields, literals, conditions, operators and simple functions alone. Each of its parts is
 * then at most as large as its input, so that JSONata's own bounds suffice for it. Anything else (regular expressions,
 * functions of its own, sorting, mapping over lists) may take any time or memory, by its input alone.
 */
export function isPlain(ast: unknown): boolean {
  const node = ast as Node
  if (NOT_PLAIN.some(mark => node[mark] !== undefined)) return false
  if (![...(node.stages ?? []), ...(node.predicate ?? [])].every(isPlainFilter)) return false
  switch (node.type) {
    case 'string':
    case 'number':
    case 'value':
    case 'variable':
    case 'name':
      return true
    case 'path':
      // A step that is more than a name would be evaluated for each item of a list.
      return (node.steps ?? []).every((step, index) => (index === 0 || step.type === 'name') && isPlain(step))
    case 'binary':
      return PLAIN_OPERATORS.has(String(node.value)) && isPlain(node.lhs) && isPlain(node.rhs)
    case 'unary':
      return operandsOf(node).every(isPlain)
    case 'block':
      return (node.expressions ?? []).every(isPlain)
    case 'condition':
      return [node.condition, node.then, ...(node.else ? [node.else] : [])].every(isPlain)
    case 'function':
      return isPlainCall(node)
    default:
      return false
  }
}

const isPlainFilter = ({ type, expr }: Node): boolean => type === 'filter' && isPlain(expr)

/** Of `-x`, `[x, y]` and `{ x: y }`. */
const operandsOf = ({ expression, expressions, lhs }: Node): unknown[] =>
  expression ? [expression] : (expressions ?? (Array.isArray(lhs) ? lhs.flat() : []))

function isPlainCall({ procedure, arguments: given = [] }: Node): boolean {
  if (procedure?.type !== 'variable') return false
  const name = String(procedure.value)
  const most = Object.hasOwn(PLAIN_FUNCTIONS, name) ? PLAIN_FUNCTIONS[name] : undefined
  const [first, ...others] = given
  return (
    most !== undefined &&
    given.length <= most &&
    (first === undefined || isPlain(first)) &&
    others.every(({ type = '' }) => LITERALS.has(type))
  )
}
