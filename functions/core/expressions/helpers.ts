import { createHash, randomUUID } from 'node:crypto'
import type { Expression } from 'jsonata'

type Helper = readonly [implementation: (...values: never[]) => unknown, signature: string]

const ofText =
  (give: (text: string) => unknown) =>
  (text: string | undefined): unknown =>
    text === undefined ? undefined : give(text)

/**
 * The functions that Sluice adds to JSONata, or puts in place of JSONata's own, each with its JSONata signature. As in JSONata, a missing argument
 * gives no result.
 */
export const HELPERS: Readonly<Record<string, Helper>> = {
  /** A random UUID (v4). */
  uuid: [() => randomUUID(), '<:s>'],
  /** The size of a text in UTF-8. */
  bytes: [ofText(text => Buffer.byteLength(text)), '<s-:n>'],
  /** An object without the fields of these names. */
  omit: [omit, '<os+:o>'],
  /** The SHA-256 of a text in UTF-8, in hex. */
  sha256: [ofText(text => createHash('sha256').update(text).digest('hex')), '<s-:s>'],
  /** The value of a JSON text. */
  parse: [ofText(text => JSON.parse(text)), '<s-:x>'],
  // These two replace JSONata's own functions of the same names, which treat a character as one byte, and so lose every
  // character above U+00FF.
  base64encode: [ofText(text => Buffer.from(text, 'utf8').toString('base64')), '<s-:s>'],
  base64decode: [ofText(text => Buffer.from(text, 'base64').toString('utf8')), '<s-:s>'],
}

function omit(object: Readonly<Record<string, unknown>> | undefined, ...names: string[]): unknown {
  if (object === undefined) return undefined
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)))
}

/** Adds the helpers to a compiled expression, and removes `$eval`, so that no text of a client can become code. */
export function addHelpers(expression: Expression): void {
  for (const [name, [implementation, signature]] of Object.entries(HELPERS))
    expression.registerFunction(name, implementation as (...values: unknown[]) => unknown, signature)
  expression.assign('eval', undefined)
}
