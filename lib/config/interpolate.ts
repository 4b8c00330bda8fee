const REFERENCE = /\$(\$?)\{([A-Za-z_][A-Za-z0-9_]*)(?::([^}]*))?\}/g

/** The variables that replace `${NAME}`. */
export type Environment = Readonly<Record<string, string | undefined>>

/** A text whose variables are replaced by their values (`value`). */
export interface Interpolated {
  value: string
  /** The variables in the original text. */
  names: string[]
  /** Whether the whole text was one `${…}`. */
  isWhole: boolean
  unset: { name: string; offset: number }[]
  /** Converts a place in `value` to the place in the original text. Both count characters from 0. */
  origin: (offset: number) => number
}

/**
 * Replaces `${NAME}` and `${NAME:default}` by variables of the environment. A variable with an empty value counts as
 * set. `$${NAME}` gives `${NAME}`. All other text stays as it is, because JSONata uses `$` and `{` too. Returns
 * undefined if there is nothing to replace.
 */
export function interpolate(text: string, env: Environment): Interpolated | undefined {
  const unset: Interpolated['unset'] = []
  const names: string[] = []
  const pieces: { from: number; to: number; at: number; length: number }[] = []
  let value = ''
  let done = 0
  for (const match of text.matchAll(REFERENCE)) {
    const [reference, escaped, name = '', preset] = match
    const replacement = escaped ? reference.slice(1) : (env[name] ?? preset)
    if (!escaped) names.push(name)
    if (replacement === undefined) unset.push({ name, offset: match.index })
    value += text.slice(done, match.index)
    done = match.index + reference.length
    pieces.push({ from: match.index, to: done, at: value.length, length: replacement?.length ?? 0 })
    value += replacement ?? ''
  }
  if (pieces.length === 0) return undefined
  const [first] = pieces
  return {
    value: value + text.slice(done),
    names,
    isWhole: first?.from === 0 && first.to === text.length,
    unset,
    origin: offset => {
      const piece = pieces.findLast(({ at }) => at <= offset)
      if (piece === undefined) return offset
      return offset < piece.at + piece.length ? piece.from : piece.to + (offset - piece.at - piece.length)
    },
  }
}
