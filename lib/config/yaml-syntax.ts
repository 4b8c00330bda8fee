import { type Document, isScalar, visit, type YAMLError, type YAMLWarning } from 'yaml'

/** A sentence about one place in a text. The offset counts characters from 0. */
export interface SyntaxProblem {
  offset: number
  message: string
}

/** Finds the reasons why a YAML text can't be used: wrong syntax, features that a pipeline doesn't need, aliases that grow too large. */
export function syntaxProblems(document: Document.Parsed, text: string): SyntaxProblem[] {
  const errors = [...document.errors, ...document.warnings]
  const broken = errors.filter(error => error.code !== 'DUPLICATE_KEY').slice(0, 1)
  // After one mistake the parser reports many more, and only the first one helps. Each duplicate key is a separate
  // mistake.
  if (errors.length > 0) return (broken.length > 0 ? broken : errors).map(error => toProblem(error, text))
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null)) {
    return [{ offset: 0, message: 'the file is empty; it must hold a pipeline' }]
  }
  return [...prototypeKeys(document), ...aliasProblems(document)]
}

function toProblem({ code, message, pos: [offset] }: YAMLError | YAMLWarning, text: string): SyntaxProblem {
  switch (code) {
    case 'DUPLICATE_KEY':
      return { offset, message: `the key ${keyAt(text, offset)} is there twice in this mapping; keep one` }
    case 'MULTIPLE_DOCS':
      return { offset, message: 'the file must hold one YAML document; remove what begins here' }
    case 'RESOURCE_EXHAUSTION':
      return { offset, message: 'the file is nested too deeply' }
    default: {
      // Inside {…}, or before a space, YAML does not read an unquoted variable as text. The parser's message does not
      // say this, so a hint is added.
      const hint = /\$\{/.test(lineAt(text, offset)) ? ` (if it is about \${…}: put quotes around the value)` : ''
      return { offset, message: `the file is not valid YAML: ${message}${hint}` }
    }
  }
}

// Finds keys with the name `__proto__`. In a JavaScript object, such a key would be lost or would change other keys.
function prototypeKeys(document: Document.Parsed): SyntaxProblem[] {
  const problems: SyntaxProblem[] = []
  visit(document, {
    Scalar(role, { value, range }) {
      if (role !== 'key' || value !== '__proto__') return
      problems.push({ offset: range?.[0] ?? 0, message: 'the key __proto__ is not allowed' })
    },
  })
  return problems
}

function aliasProblems(document: Document.Parsed): SyntaxProblem[] {
  const aliases: { offset: number; isBound: boolean }[] = []
  visit(document, {
    Alias(_role, alias) {
      aliases.push({ offset: alias.range?.[0] ?? 0, isBound: alias.resolve(document) !== undefined })
    },
  })
  const loose = aliases.find(alias => !alias.isBound)
  if (loose) return [{ offset: loose.offset, message: 'this alias (*name) has no anchor (&name) before it' }]
  if (expands(document)) return []
  return [{ offset: aliases[0]?.offset ?? 0, message: 'the file has too many aliases; write the values out' }]
}

// Returns whether the aliases expand to a reasonable size. The yaml package counts this size, and throws at its limit.
function expands(document: Document.Parsed): boolean {
  try {
    document.toJS()
    return true
  } catch {
    return false
  }
}

function keyAt(text: string, offset: number): string {
  return text.slice(offset).match(/^[^\s:]+/)?.[0] ?? ''
}

function lineAt(text: string, offset: number): string {
  return text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n', 1)[0] ?? ''
}
