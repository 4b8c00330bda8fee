/**
 * Rewrites `:name` to `$1`, `$2` … like the Data API, and returns the name for each number. It does not touch text that only looks like a
 * parameter: casts (`::text`), string literals, quoted identifiers, comments, dollar quotes and array slices (`a[1:2]`).
 */
export function rewriteNamedParameters(
  sql: string,
  /** Returns the text that replaces a parameter: its number and, if the parameter has a type, a cast. */
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

// The parts that must be skipped come first. So a colon inside them never counts as the beginning of a parameter.
const token = new RegExp(
  [
    /[eE]'(?:[^'\\]|\\[\s\S]|'')*'/, // an escape string comes before a plain string, because a backslash in it escapes a quote
    /'(?:[^']|'')*'/,
    /"(?:[^"]|"")*"/,
    /--[^\n]*/,
    /\/\*[\s\S]*?\*\//,
    /\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$/,
    /::/,
    /[\w$]+/, // a word: the E at the end of NAME'x' is not the beginning of an escape string
    /:([A-Za-z_]\w*)/,
  ]
    .map(part => part.source)
    .join('|'),
  'g',
)
