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
 * Whether a response mapping says itself that the result is `null`: `"result": null`, also in a branch of a condition. Only then is
 * `null` a result. Otherwise it is what is left of an answer that has none.
 */
export const saysNullResult = (source: string): boolean => nodesOf(prepare(source).ast()).some(hasNullResult)

function nodesOf(tree: unknown): Node[] {
  if (typeof tree !== 'object' || tree === null) return []
  return [...(Array.isArray(tree) ? [] : [tree]), ...Object.values(tree).flatMap(nodesOf)]
}

/** The fields of `{ … }` are pairs of a name and a value. */
function hasNullResult({ type, value, lhs }: Node): boolean {
  if (type !== 'unary' || value !== '{' || !Array.isArray(lhs)) return false
  return lhs.some(
    ([name, given]: [Node, Node]) => name.type === 'string' && name.value === 'result' && givesNull(given),
  )
}

function givesNull({ type, value, then: yes, else: no, expressions }: Node): boolean {
  if (type === 'condition') return [yes, no].some(branch => branch !== undefined && givesNull(branch))
  const last = expressions?.at(-1)
  if (type === 'block' && last) return givesNull(last)
  return type === 'value' && value === null
}
