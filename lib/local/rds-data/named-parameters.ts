/**
 * Rewrites `:name` to `$1`, `$2` … like the Data API, and returns the name for each number. It does not touch text that only looks like a
 * parameter: casts (`::text`), string literals, quoted identifiers, comments, dollar quotes and array slices (`a[1:2]`).
 */
export function rewriteNamedParameters(
  sql: string,
  /** Writes a parameter: its number, and a cast if it has a type. */
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

// The parts that must be skipped come first, so that a colon inside them is never taken for a parameter.
const token = new RegExp(
  [
    /[eE]'(?:[^'\\]|\\[\s\S]|'')*'/, // an escape string comes before the plain one, because a backslash escapes its quote
    /'(?:[^']|'')*'/,
    /"(?:[^"]|"")*"/,
    /--[^\n]*/,
    /\/\*[\s\S]*?\*\//,
    /\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$/,
    /::/,
    /[\w$]+/, // a word, so that the E at the end of NAME'x' is not taken for the start of an escape string
    /:([A-Za-z_]\w*)/,
  ]
    .map(part => part.source)
    .join('|'),
  'g',
)
