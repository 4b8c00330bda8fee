/** How deep JSON may be nested, here and in a model's answer: what is deeper breaks stores and parsers behind us. */
export const MAX_DEPTH = 100

export interface TextProblem {
  /** Where: `parameters.list[3]`, or empty for the whole. */
  readonly path: string
  readonly message: string
}

/**
 * The first thing in a JSON value that could not pass every queue and store unchanged: U+0000, a lone surrogate, nesting
 * over `MAX_DEPTH`. Walks without recursion, since the depth is not yet known to be harmless.
 */
export function findHostileText(value: unknown): TextProblem | undefined {
  const stack: { value: unknown; path: string; depth: number }[] = [{ value, path: '', depth: 0 }]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const { path, depth } = next
    if (typeof next.value === 'string') {
      const message = stringProblem(next.value)
      if (message) return { path, message }
    } else if (typeof next.value === 'object' && next.value !== null) {
      if (depth === MAX_DEPTH) return { path: '', message: `is nested over ${MAX_DEPTH} deep` }
      for (const [key, child] of Object.entries(next.value)) {
        const message = Array.isArray(next.value) ? undefined : stringProblem(key)
        if (message) return { path, message: `has a field name that ${message}` }
        const step = Array.isArray(next.value) ? `[${key}]` : path === '' ? key : `.${key}`
        stack.push({ value: child, path: path + step, depth: depth + 1 })
      }
    }
  }
  return undefined
}

function stringProblem(text: string): string | undefined {
  if (text.includes('\u0000')) return 'contains U+0000, which no store keeps'
  if (!text.isWellFormed()) return 'contains a lone surrogate, which is no character'
  return undefined
}

/** JSON whose every character is ASCII, so that any text passes any queue; its length is its size in bytes. */
export const toAsciiJson = (value: unknown): string =>
  JSON.stringify(value).replace(/[\u007f-\uffff]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
