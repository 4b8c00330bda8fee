export const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * Returns the end of the string in a JSON text that begins with the quote at `from`. Returns the end of the text if the
 * string does not end.
 */
export function endOfString(text: string, from: number): number {
  // Most strings contain no escaped quote, so they end at the next quote. A search for this quote is much faster than a
  // look at each character.
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
