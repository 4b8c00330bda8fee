import { TextDecoder } from 'node:util'

const BYTE_ORDER_MARKS = [
  { charset: 'utf-8', mark: [0xef, 0xbb, 0xbf] },
  { charset: 'utf-16le', mark: [0xff, 0xfe] },
  { charset: 'utf-16be', mark: [0xfe, 0xff] },
]

/**
 * Decodes the bytes of an answer by its byte order mark, or else by the charset of its Content-Type, or else as UTF-8.
 * Bytes that the charset does not have become U+FFFD, so one wrong character does not make an answer useless. The byte
 * order mark is removed.
 */
export function decodeText(bytes: Uint8Array, contentType: string | undefined): string {
  const marked = BYTE_ORDER_MARKS.find(({ mark }) => mark.every((byte, at) => bytes[at] === byte))
  return decoderOf(marked?.charset ?? charsetOf(contentType)).decode(bytes)
}

/** Returns the charset that a Content-Type names, in lower case: `application/json; charset="ISO-8859-1"`. */
export const charsetOf = (contentType = ''): string =>
  /;\s*charset\s*=\s*"?\s*([^\s";]+)/i.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8'

// A text that is declared as ASCII but is not ASCII is usually UTF-8. So it is read as UTF-8, and not as windows-1252,
// which TextDecoder uses for ASCII.
const ASCII = new Set(['ascii', 'us-ascii'])

/**
 * Makes the decoder of a charset. For an unknown charset, it uses UTF-8, because ASCII characters are the same in most
 * charsets.
 */
function decoderOf(charset: string): TextDecoder {
  try {
    return new TextDecoder(ASCII.has(charset) ? 'utf-8' : charset)
  } catch {
    return new TextDecoder('utf-8')
  }
}
