import { type Node, parseSync, Visitor } from 'oxc-parser'

const SCREAMING_CASE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/
const SNAKE_CASE = /^[a-z0-9]+(_[a-z0-9]+)+$/
const CAMEL_CASE = /^[a-z][a-z0-9]*([A-Z][a-z0-9]*)+$/
const SCHEMA_OF_FIELDS = /^z\.(object|strictObject|looseObject)$/

/** Lists violations of the rules about names in CONTRIBUTING.md that the linter does not check. */
export function checkNames(path: string, text: string): string[] {
  const { program, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path} does not parse: ${errors[0]?.message}`)
  const at = ({ start }: Node) => `${path}:${text.slice(0, start).split('\n').length}`
  const found: string[] = []
  for (const [name, value] of constants(program.body)) {
    const isWritten = path.startsWith('test/') ? isLiteral(value) : isWrittenInPlace(value)
    if (isWritten && !SCREAMING_CASE.test(name)) found.push(`${at(value)}: the constant ${name} must be SCREAMING_CASE`)
  }
  const checkMembers = (declaration: Node, members: readonly Node[]) => {
    const names = members.flatMap(nameOf)
    const [snake, camel] = [names.find(name => SNAKE_CASE.test(name)), names.find(name => CAMEL_CASE.test(name))]
    if (snake && camel) found.push(`${at(declaration)}: one declaration has both ${snake} and ${camel}`)
  }
  new Visitor({
    TSInterfaceBody: node => checkMembers(node, node.body),
    TSTypeLiteral: node => checkMembers(node, node.members),
    CallExpression: node => {
      const [fields] = node.arguments
      const callee = text.slice(node.callee.start, node.callee.end)
      if (SCHEMA_OF_FIELDS.test(callee) && fields?.type === 'ObjectExpression') checkMembers(node, fields.properties)
    },
  }).visit(program)
  return found
}

/** The names and the values of a module's constants. */
function constants(statements: readonly Node[]): [name: string, value: Node][] {
  return statements.flatMap(statement => {
    const declared = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement
    if (declared?.type !== 'VariableDeclaration' || declared.kind !== 'const') return []
    return declared.declarations.flatMap(({ id, init }): [string, Node][] =>
      id.type === 'Identifier' && init ? [[id.name, init]] : [],
    )
  })
}

/** Whether a value in the source text is a number, a text or a regular expression, or is calculated only from such values. */
function isLiteral(node: Node): boolean {
  switch (node.type) {
    case 'Literal':
      return true
    case 'Identifier':
      return SCREAMING_CASE.test(node.name)
    case 'TemplateLiteral':
      return node.expressions.every(isLiteral)
    case 'UnaryExpression':
      return isLiteral(node.argument)
    case 'BinaryExpression':
      return isLiteral(node.left) && isLiteral(node.right)
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
      return isLiteral(node.expression)
    default:
      return false
  }
}

/**
 * Whether a value in the source text is a literal, or a list, object, set or map of literals. An empty list, object, set or map is no
 * constant, because the code adds values to it.
 */
function isWrittenInPlace(node: Node): boolean {
  switch (node.type) {
    case 'ArrayExpression':
      return node.elements.length > 0 && node.elements.every(item => item !== null && isWrittenInPlace(item))
    case 'ObjectExpression':
      return node.properties.length > 0 && node.properties.every(isWrittenInPlace)
    case 'Property':
      return isWrittenInPlace(node.value)
    case 'NewExpression':
      return (
        node.callee.type === 'Identifier' &&
        ['Set', 'Map', 'RegExp'].includes(node.callee.name) &&
        node.arguments.length > 0 &&
        node.arguments.every(isWrittenInPlace)
      )
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
      return isWrittenInPlace(node.expression)
    default:
      return isLiteral(node)
  }
}

/** The name of a member of an interface or an object. Computed members and spreads have no name. */
const nameOf = (member: Node): string[] =>
  'key' in member && member.key?.type === 'Identifier' && !('computed' in member && member.computed)
    ? [member.key.name]
    : []
