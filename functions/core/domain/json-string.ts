export const QUOTE = 0x22
const BACKSLASH = 0x5c

/** Where the string of a JSON text ends that begins at a quote; the end of the text if it does not. */
export function endOfString(text: string, from: number): number {
  // Most strings have no quote inside, and looking for one is much faster than looking at each character.
  const quote = text.indexOf('"', from + 1)
  if (quote === -1) return text.length
  let escapes = 0
  while (text.charCodeAt(quote - 1 - escapes) === BACKSLASH) escapes += 1
  if (escapes % 2 === 0) return quote
  for (let at = quote + 1; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code === QUOTE) return at
    if (code === BACKSLASH) at += 1
  }
  return text.length
}
