import { TextDecoder } from 'node:util'

const BYTE_ORDER_MARKS = [
  { charset: 'utf-8', mark: [0xef, 0xbb, 0xbf] },
  { charset: 'utf-16le', mark: [0xff, 0xfe] },
  { charset: 'utf-16be', mark: [0xfe, 0xff] },
]

/**
 * Decodes the bytes of an answer: by its byte order mark, else by the charset of its Content-Type, else as UTF-8. Bytes that the charset
 * does not have become U+FFFD, so an answer is not lost for one wrong character. The byte order mark is left out.
 */
export function decodeText(bytes: Uint8Array, contentType: string | undefined): string {
  const marked = BYTE_ORDER_MARKS.find(({ mark }) => mark.every((byte, at) => bytes[at] === byte))
  return decoderOf(marked?.charset ?? charsetOf(contentType)).decode(bytes)
}

/** Returns the charset that a Content-Type names, in lower case: `application/json; charset="ISO-8859-1"`. */
export const charsetOf = (contentType = ''): string =>
  /;\s*charset\s*=\s*"?\s*([^\s";]+)/i.exec(contentType)?.[1]?.toLowerCase() ?? 'utf-8'

// Text that is declared as ASCII and is not is mostly UTF-8. TextDecoder would take it for windows-1252.
const ASCII = new Set(['ascii', 'us-ascii'])

/** UTF-8 stands for a charset that nobody knows: ASCII is the same in most of them. */
function decoderOf(charset: string): TextDecoder {
  try {
    return new TextDecoder(ASCII.has(charset) ? 'utf-8' : charset)
  } catch {
    return new TextDecoder('utf-8')
  }
}
