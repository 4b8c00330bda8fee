/**
 * Rewrites `:name` to `$1`, `$2` …, as the Data API does, and says which name each number stands for.
 * Leaves alone what only looks like one: casts (`::text`), string literals, quoted identifiers, comments, dollar quotes
 * and array slices (`a[1:2]`).
 */
export function rewriteNamedParameters(
  sql: string,
  /** What to write for a parameter: its number, with a cast if it has a type. */
  write: (name: string, number: number) => string = (_name, number) => `$${number}`,
): { sql: string; names: string[] } {
  const names: string[] = []
  const rewritten = sql.replace(token, (text, _tag: string | undefined, name: string | undefined) => {
    if (name === undefined) return text
    const known = names.indexOf(name)
    const number = known >= 0 ? known + 1 : names.push(name)
    return write(name, number)
  })
  return { sql: rewritten, names }
}

// Whatever must be skipped comes first, so that a colon inside it is never looked at.
const token = new RegExp(
  [
    /[eE]'(?:[^'\\]|\\[\s\S]|'')*'/, // escape string; before the plain one, since a backslash escapes its quote
    /'(?:[^']|'')*'/,
    /"(?:[^"]|"")*"/,
    /--[^\n]*/,
    /\/\*[\s\S]*?\*\//,
    /\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$/,
    /::/,
    /[\w$]+/, // a word, so that the E of an identifier such as NAME'x' isn't taken for an escape string's
    /:([A-Za-z_]\w*)/,
  ]
    .map(part => part.source)
    .join('|'),
  'g',
)
