import { createHash, randomUUID } from 'node:crypto'
import type { Expression } from 'jsonata'

type Helper = readonly [implementation: (argument: never) => unknown, signature: string]

const ofText =
  (give: (text: string) => unknown) =>
  (text: string | undefined): unknown =>
    text === undefined ? undefined : give(text)

/** What an expression can call besides JSONata's own functions, with JSONata's signature of each. As there, nothing in gives nothing. */
export const HELPERS: Readonly<Record<string, Helper>> = {
  /** A random UUID (v4). */
  uuid: [() => randomUUID(), '<:s>'],
  /** SHA-256 of a text's UTF-8, in hex. */
  sha256: [ofText(text => createHash('sha256').update(text).digest('hex')), '<s-:s>'],
  /** The value of a JSON text. */
  parse: [ofText(text => JSON.parse(text)), '<s-:x>'],
  // JSONata's own take a character for a byte, which loses all beyond U+00FF.
  base64encode: [ofText(text => Buffer.from(text, 'utf8').toString('base64')), '<s-:s>'],
  base64decode: [ofText(text => Buffer.from(text, 'base64').toString('utf8')), '<s-:s>'],
}

/** Adds the helpers to a compiled expression, and takes `$eval` away: no text of a client's may become code. */
export function addHelpers(expression: Expression): void {
  for (const [name, [implementation, signature]] of Object.entries(HELPERS))
    expression.registerFunction(name, implementation as (...values: unknown[]) => unknown, signature)
  expression.assign('eval', undefined)
}
