import { prepare } from '../expressions/prepare.ts'

interface Node {
  type?: string
  value?: unknown
  lhs?: unknown
  then?: Node
  else?: Node
  expressions?: Node[]
}

/**
 * Returns whether a response mapping has `"result": null`, also in a branch of a condition. With such a mapping, `null`
 * is a valid result. With any other mapping, `null` means that the answer has no result, and the request fails.
 */
export const saysNullResult = (source: string): boolean =>
  nodesOf(prepare(source).ast()).flatMap(resultsOf).some(givesNull)

/**
 * Returns whether a response mapping makes the result an object of fields that it takes from the answer: `"result": {
 * "text": text }`. If that object is empty, the answer has none of these fields. So it has no result, and the request
 * fails.
 */
export function makesObjectResult(source: string): boolean {
  const results = nodesOf(prepare(source).ast()).flatMap(resultsOf)
  return results.length > 0 && results.every(givesFields)
}

function nodesOf(tree: unknown): Node[] {
  if (typeof tree !== 'object' || tree === null) return []
  return [...(Array.isArray(tree) ? [] : [tree]), ...Object.values(tree).flatMap(nodesOf)]
}

/**
 * Returns the syntax tree's nodes of the value in `{ "result": … }`. In the tree, `{ … }` is a node of the type
 * `unary`, and its `lhs` has the fields as pairs of a name and a value.
 */
function resultsOf({ type, value, lhs }: Node): Node[] {
  if (type !== 'unary' || value !== '{' || !Array.isArray(lhs)) return []
  return lhs.flatMap(([name, given]: [Node, Node]) =>
    name.type === 'string' && name.value === 'result' ? [given] : [],
  )
}

function givesNull({ type, value, then: yes, else: no, expressions }: Node): boolean {
  if (type === 'condition') return [yes, no].some(branch => branch !== undefined && givesNull(branch))
  const last = expressions?.at(-1)
  if (type === 'block' && last) return givesNull(last)
  return type === 'value' && value === null
}

function givesFields({ type, value, lhs, then: yes, else: no, expressions }: Node): boolean {
  if (type === 'condition') return [yes, no].every(branch => branch === undefined || givesFields(branch))
  const last = expressions?.at(-1)
  if (type === 'block' && last) return givesFields(last)
  return type === 'unary' && value === '{' && Array.isArray(lhs) && lhs.length > 0
}
