/**
 * Matches characters that control a terminal or are invisible, so that a line could look different from its content.
 * These are all control characters except line ends and tabs; the characters that turn the direction of text (U+061C,
 * U+200E, U+200F, U+202A to U+202E, U+2066 to U+2069); those that break lines (U+2028, U+2029); and those that hide in
 * or between words (U+200B, U+2060 to U+2064, U+FEFF, the tags of U+E0000). Joiners (U+200C, U+200D) are allowed,
 * because some scripts and emoji need them.
 */
const DECEPTIVE = /(?![\n\t])\p{Cc}|[\u061C\u200B\u200E\u200F\u2028-\u202E\u2060-\u2069\uFEFF]|[\u{E0000}-\u{E007F}]/gu

/** Returns a text that is safe to print: characters that would control the terminal are replaced by U+FFFD. */
export const printable = (text: string): string => text.replace(DECEPTIVE, '\uFFFD')

/** Escapes the same characters in a JSON text. The meaning of the JSON stays the same. */
export const escaped = (json: string): string =>
  json.replace(DECEPTIVE, found =>
    Array.from({ length: found.length }, (_, at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`).join(
      '',
    ),
  )
