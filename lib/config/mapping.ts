import jsonata from 'jsonata'
import { suggest } from './suggest.ts'

/** Why a text is no JSONata expression: a sentence's end (`is …`) and where, counted in characters from 0. */
export type MappingProblem = { message: string; offset: number }

// JSONata finds out about an unknown function only when it runs, which is too late for a deployed pipeline.
export const FUNCTIONS = (
  'abs append assert average base64decode base64encode boolean ceil clone contains count decodeUrl decodeUrlComponent ' +
  'distinct each encodeUrl encodeUrlComponent error eval exists filter floor formatBase formatInteger formatNumber ' +
  'fromMillis join keys length lookup lowercase map match max merge millis min not now number pad parseInteger power ' +
  'random reduce replace reverse round shuffle sift single sort split spread sqrt string substring substringAfter ' +
  'substringBefore sum toMillis trim type uppercase zip'
).split(' ')

/** Compiles a JSONata expression. Undefined if it is right, else the first problem: a syntax error or an unknown function. */
export function checkMapping(text: string): MappingProblem | undefined {
  if (text.trim() === '') return { message: 'is empty; it must be a JSONata expression', offset: 0 }
  try {
    return unknownFunction(jsonata(text).ast())
  } catch (error) {
    return syntaxProblem(error, text)
  }
}

function syntaxProblem(error: unknown, text: string): MappingProblem {
  const { message, position = 0, token } = error as { message: string; position?: number; token?: string }
  // JSONata counts to the end of the token that it stumbled over; a reader looks for its start.
  const written = ['', '"', "'", '`'].map(quote => `${quote}${token}${quote}`)
  const width = written.find(form => text.slice(0, position).endsWith(form))?.length ?? 0
  return { message: `is not valid JSONata: ${message}`, offset: position - width }
}

type Node = { type?: string; value?: unknown; position?: number; procedure?: Node; arguments?: Node[]; lhs?: Node }

function unknownFunction(ast: unknown): MappingProblem | undefined {
  const nodes = [...allNodes(ast)]
  const bound = nodes.flatMap(boundNames)
  for (const { type, procedure } of nodes) {
    if ((type !== 'function' && type !== 'partial') || procedure?.type !== 'variable') continue
    const name = String(procedure.value)
    if (FUNCTIONS.includes(name) || bound.includes(name)) continue
    const hint = suggest(name, FUNCTIONS)
    return {
      message: `calls $${name}, which is no function of JSONata${hint === undefined ? '' : `; did you mean $${hint}?`}`,
      offset: Math.max(0, (procedure.position ?? 0) - name.length - 1),
    }
  }
  return undefined
}

// A name counts as bound wherever the expression binds it: precise scopes would not find more of the typing errors meant here.
function boundNames(node: Node): string[] {
  if (node.type === 'bind') return [String(node.lhs?.value)]
  if (node.type === 'lambda') return (node.arguments ?? []).map(argument => String(argument.value))
  return []
}

function* allNodes(tree: unknown): Generator<Node> {
  if (typeof tree !== 'object' || tree === null) return
  if (!Array.isArray(tree)) yield tree
  for (const child of Object.values(tree)) yield* allNodes(child)
}
