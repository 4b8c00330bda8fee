import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type Scalar,
  visit,
} from 'yaml'
import type { Path } from './finding.ts'
import { type Environment, type Interpolated, interpolate } from './interpolate.ts'
import { sourceOffset } from './source-offset.ts'
import { type SyntaxProblem, syntaxProblems } from './yaml-syntax.ts'

/** A place in the file. Line and column count from 1. */
export interface Position {
  line: number
  column: number
}

/** A YAML document, with functions that find the place of each value in the document's text. */
export interface SourceDocument {
  /** The reasons why the file can't be used: mistakes in YAML's syntax or, without such mistakes, variables that are not set. */
  problems: (Position & { message: string })[]
  /** Gives the document as plain data. Call it only if there are no problems. */
  toData: () => unknown
  /** Finds a value, its key, or a place in its text. For a missing value it finds the key that should contain the value. */
  position: (path: Path, place?: { atKey?: boolean; offset?: number }) => Position
  /** Lists the values with variables in them. `value` is the text after the replacement. */
  variables: () => { path: Path; names: readonly string[]; value: string }[]
  /** Returns whether the file has a value at the path. Otherwise the value is a default. */
  isWritten: (path: Path) => boolean
  /** Gives the text of a value as it was written, if a variable was replaced in it. */
  writtenAs: (path: Path) => string | undefined
  /** Converts a text that was only one `${…}` to a number or a boolean. Returns false if the text is neither. */
  retype: (path: Path) => boolean
}

type Replaced = Interpolated & { path: Path; scalar: Scalar; written: string }

/** Reads YAML and replaces variables in its scalar values only, so that the value of a variable can't change the structure. */
export function readSource(text: string, env: Environment): SourceDocument {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true })
  const syntax = syntaxProblems(document, text)
  const replaced = syntax.length > 0 ? [] : findVariables(document, env)
  const problems = syntax.length > 0 ? syntax : replaced.flatMap(variable => unsetProblems(variable, text))
  for (const { scalar, value } of replaced) scalar.value = value

  const toPosition = (offset: number): Position => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const replacedAt = (path: Path) => {
    const { value } = locate(document, path)
    return replaced.find(({ scalar }) => scalar === value)
  }

  return {
    problems: problems.map(({ offset, message }) => ({ ...toPosition(offset), message })),
    toData: () => document.toJS(),
    position(path, { atKey = false, offset } = {}) {
      const { key, value } = locate(document, path)
      const node = (atKey ? key : (value ?? key)) ?? document.contents
      const start = node?.range?.[0] ?? 0
      if (offset === undefined || !isScalar(node)) return toPosition(start)
      const variable = replacedAt(path)
      if (variable === undefined) return toPosition(sourceOffset(node, node.value, text, offset))
      return toPosition(sourceOffset(node, variable.written, text, variable.origin(offset)))
    },
    variables: () => replaced.flatMap(({ path, names, value }) => (names.length > 0 ? [{ path, names, value }] : [])),
    isWritten: path => locate(document, path).value !== undefined,
    writtenAs: path => replacedAt(path)?.written,
    retype(path) {
      const variable = replacedAt(path)
      const typed = variable?.isWhole ? toNumberOrBoolean(variable.value) : undefined
      if (variable === undefined || typed === undefined) return false
      variable.scalar.value = typed
      return true
    },
  }
}

function findVariables(document: Document, env: Environment): Replaced[] {
  const replaced: Replaced[] = []
  visit(document, {
    Scalar(role, scalar, ancestors) {
      if (role === 'key' || typeof scalar.value !== 'string') return
      const result = interpolate(scalar.value, env)
      if (result) replaced.push({ ...result, path: pathOf([...ancestors, scalar]), scalar, written: scalar.value })
    },
  })
  return replaced
}

// Lists the keys and indexes from the document to the last node. Each of these nodes contains the next one.
function pathOf(nodes: readonly unknown[]): Path {
  return nodes.flatMap((node, index): (string | number)[] => {
    const parent = nodes[index - 1]
    if (isPair(node)) return isScalar(node.key) ? [String(node.key.value)] : []
    return isSeq(parent) ? [parent.items.indexOf(node)] : []
  })
}

function unsetProblems({ scalar, written, unset }: Replaced, text: string): SyntaxProblem[] {
  return unset.map(({ name, offset }) => ({
    offset: sourceOffset(scalar, written, text, offset),
    message: `the variable ${name} is not set; set it, or give it a default: \${${name}:default}`,
  }))
}

// Finds the node at a path and its key, also through aliases. If a part of the path does not exist, it returns the last
// existing key and no node.
function locate(document: Document, path: Path): { key?: Node; value?: Node } {
  let value = toNode(document.contents)
  let key: Node | undefined
  for (const part of path) {
    const parent: unknown = isAlias(value) ? value.resolve(document) : value
    value = undefined
    if (isSeq(parent)) {
      value = toNode(parent.items[Number(part)])
      key = value ?? key
    } else if (isMap(parent)) {
      const pair = parent.items.find(item => isScalar(item.key) && item.key.value === part)
      key = toNode(pair?.key) ?? key
      value = toNode(pair?.value)
    }
  }
  if (isAlias(value)) value = value.resolve(document)
  return { ...(key && { key }), ...(value && { value }) }
}

const toNode = (value: unknown): Node | undefined => (isNode(value) ? value : undefined)

function toNumberOrBoolean(text: string): number | boolean | undefined {
  if (text === 'true' || text === 'false') return text === 'true'
  return /^[-+]?\d+(\.\d+)?(e[-+]?\d+)?$/i.test(text) ? Number(text) : undefined
}
