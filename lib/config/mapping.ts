import jsonata from 'jsonata'
import { suggest } from './suggest.ts'

/**
 * The reason why a text is not a JSONata expression (`is …`), and the place, in characters from 0. `quoted` is the part of
 * the text that the message quotes, if it quotes one.
 */
export interface MappingProblem {
  message: string
  offset: number
  quoted?: string
}

/**
 * The functions that an expression can call: those of JSONata except `$eval`, and Sluice's own. A test compares Sluice's own with `HELPERS` in
 * functions/core/expressions/helpers.ts. JSONata itself notices an unknown function only when it runs, which is too late for a
 * deployed pipeline.
 */
export const FUNCTIONS = (
  'abs append assert average base64decode base64encode boolean bytes ceil clone contains count decodeUrl decodeUrlComponent ' +
  'distinct each encodeUrl encodeUrlComponent error exists filter floor formatBase formatInteger formatNumber ' +
  'fromMillis join keys length lookup lowercase map match max merge millis min not now number omit pad parse parseInteger power ' +
  'random reduce replace reverse round sha256 shuffle sift single sort split spread sqrt string substring substringAfter ' +
  'substringBefore sum toMillis trim type uppercase uuid zip'
).split(' ')

/** Compiles a JSONata expression. Returns its first problem (a syntax error, an unknown function or variable), or undefined. */
export function checkMapping(text: string): MappingProblem | undefined {
  if (text.trim() === '') return { message: 'is empty; it must be a JSONata expression', offset: 0 }
  try {
    return unknownName(jsonata(text).ast())
  } catch (error) {
    return syntaxProblem(error, text)
  }
}

/** An error of JSONata. Its message quotes the token, or the value. */
interface JsonataError {
  message: string
  position?: number
  token?: string
  value?: unknown
}

function syntaxProblem(error: unknown, text: string): MappingProblem {
  const { message, position = 0, token, value } = error as JsonataError
  // A SyntaxError comes from JavaScript, which has refused a regular expression. The place is found by the expression that
  // the message quotes.
  if (error instanceof SyntaxError) {
    const regex = regexIn(message)
    return { message: `is not valid JSONata: ${message}`, offset: Math.max(0, text.indexOf(regex)), quoted: regex }
  }
  // JSONata gives the place of the wrong token's end. A reader needs the place of its start, so its length is subtracted.
  const written = ['', '"', "'", '`'].map(quote => `${quote}${token}${quote}`)
  const width = written.find(form => text.slice(0, position).endsWith(form))?.length ?? 0
  return { message: `is not valid JSONata: ${message}`, offset: position - width, quoted: String(token ?? value ?? '') }
}

const regexIn = (message: string): string => /^Invalid regular expression: (\/.*\/)[a-z]*: /s.exec(message)?.[1] ?? ''

interface Node {
  type?: string
  value?: unknown
  position?: number
  procedure?: Node
  arguments?: Node[]
  lhs?: Node
  focus?: string
  index?: string
}

function unknownName(ast: unknown): MappingProblem | undefined {
  const nodes = [...allNodes(ast)]
  const bound = new Set(nodes.flatMap(boundNames))
  const called = new Set(nodes.filter(isCall).map(({ procedure }) => procedure))
  for (const node of nodes) {
    const name = String(node.value)
    if (node.type !== 'variable' || ['', '$'].includes(name) || FUNCTIONS.includes(name) || bound.has(name)) continue
    const message = called.has(node) || name === 'eval' ? unknownFunction(name) : unknownVariable(name)
    return { message, offset: Math.max(0, (node.position ?? 0) - name.length - 1), quoted: name }
  }
  return undefined
}

const isCall = ({ type }: Node): boolean => type === 'function' || type === 'partial'

function unknownFunction(name: string): string {
  if (name === 'eval') return 'uses $eval, which is switched off, since no text may become code; $parse reads JSON'
  const hint = suggest(name, FUNCTIONS)
  return `calls $${name}, which is not a function of JSONata${hint === undefined ? '' : `; did you mean $${hint}?`}`
}

function unknownVariable(name: string): string {
  const hint = suggest(name, FUNCTIONS)
  const meant = hint === undefined ? `a field is written without the $: ${name}` : `did you mean $${hint}?`
  return `uses $${name}, which is not defined; ${meant}`
}

// A name counts as bound everywhere if the expression binds it anywhere. This check searches for typing errors, and
// exact scopes would not find more of them.
function boundNames({ type, value, lhs, arguments: given = [], focus, index }: Node): string[] {
  if (type === 'bind') return [String(lhs?.value)]
  if (type === 'lambda') return given.map(argument => String(argument.value))
  if (type === 'index') return [String(value)]
  return [focus, index].filter(name => typeof name === 'string')
}

function* allNodes(tree: unknown): Generator<Node> {
  if (typeof tree !== 'object' || tree === null) return
  if (!Array.isArray(tree)) yield tree
  for (const child of Object.values(tree)) yield* allNodes(child)
}
