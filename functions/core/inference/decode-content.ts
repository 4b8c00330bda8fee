import { promisify } from 'node:util'
import { brotliDecompress, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib'

/** The error of an answer whose bytes can't be decoded. The message is the end of a sentence about the answer. */
export class Undecodable extends Error {
  override readonly name = 'Undecodable'
}

/** The error of an answer that would be larger than the limit after decoding. */
export class DecodedTooLarge extends Error {
  override readonly name = 'DecodedTooLarge'
}

type Decode = (bytes: Uint8Array, bounds: { maxOutputLength: number }) => Promise<Buffer>

// In HTTP, `deflate` means zlib's format. Some servers leave out zlib's header, so both forms are decoded.
const inflateAny: Decode = (bytes, bounds) =>
  hasZlibHeader(bytes) ? promisify(inflate)(bytes, bounds) : promisify(inflateRaw)(bytes, bounds)

const decoders: ReadonlyMap<string, Decode> = new Map<string, Decode>([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', inflateAny],
  ['br', promisify(brotliDecompress)],
  ['zstd', promisify(zstdDecompress)],
])

/**
 * The most codings that an answer may have around each other. Without a limit, a gzip file that decodes to itself would
 * never be done.
 */
const MAX_LAYERS = 3

/**
 * Decodes the content codings of an answer: those that `Content-Encoding` declares, and those that the first bytes
 * show. Decoding stops at `maxBytes`. Otherwise a small compressed answer could take a huge amount of memory. Rejects
 * with `Undecodable` or `DecodedTooLarge`.
 */
export async function decodeContent(
  bytes: Uint8Array,
  declared: string | undefined,
  maxBytes: number,
): Promise<Uint8Array> {
  let current = bytes
  let layers = 0
  const decodeAs = async (coding: string): Promise<boolean> => {
    if (++layers > MAX_LAYERS) throw new Undecodable(`has more than ${MAX_LAYERS} content encodings around each other`)
    const decoded = await decodeOne(coding, current, maxBytes)
    current = decoded ?? current
    return decoded !== undefined
  }
  for (const coding of codingsOf(declared)) {
    // If the bytes are already text, a proxy has decoded the answer and left the header as it was. So no more codings
    // are decoded.
    if (current.length === 0 || (sniff(current) === undefined && isText(current))) break
    if (!(await decodeAs(coding))) throw new Undecodable(`can't be decoded from the content encoding ${coding}`)
  }
  for (let coding = sniff(current); coding !== undefined; coding = sniff(current))
    if (!(await decodeAs(coding))) throw new Undecodable(`begins like ${coding}, but can't be decoded from it`)
  return isText(current) ? current : ((await withoutSign(current, maxBytes)) ?? current)
}

/** Returns the codings in the order in which they must be decoded: the last one was applied last. */
const codingsOf = (declared = ''): string[] =>
  declared
    .split(',')
    .map(coding => coding.trim().toLowerCase())
    .filter(coding => /^[a-z0-9_-]{1,40}$/.test(coding) && coding !== 'identity')
    .reverse()

/** Decodes one coding. Returns undefined if the bytes are not in this coding. */
async function decodeOne(coding: string, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    return await decoders.get(coding)?.(bytes, { maxOutputLength: maxBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new DecodedTooLarge()
    return undefined
  }
}

/** Returns the coding that the first bytes show. No text begins with such bytes. */
function sniff(bytes: Uint8Array): string | undefined {
  if (startsWith(bytes, 0x1f, 0x8b, 0x08)) return 'gzip'
  if (startsWith(bytes, 0x28, 0xb5, 0x2f, 0xfd)) return 'zstd'
  // The second byte has the level of compression. With one of the levels, the two bytes are `x^`, which a text may
  // begin with. So `withoutSign` tries this case.
  return startsWith(bytes, 0x78) && hasZlibHeader(bytes) && bytes[1] !== 0x5e ? 'deflate' : undefined
}

/**
 * Decodes brotli, and deflate that was not recognized. Their first bytes do not show the coding. So bytes that are not
 * text are decoded with both codings, one after the other. A result counts if it is text.
 */
async function withoutSign(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined> {
  for (const coding of ['br', 'deflate']) {
    const decoded = await decodeOne(coding, bytes, maxBytes)
    if (decoded && decoded.length > 0 && isText(decoded)) return decoded
  }
  return undefined
}

const startsWith = (bytes: Uint8Array, ...first: readonly number[]): boolean =>
  first.every((byte, at) => bytes[at] === byte)

/**
 * Returns whether bytes begin with the header of zlib (RFC 1950): the first byte names deflate, and both bytes together
 * are a multiple of 31.
 */
const hasZlibHeader = ([first = 0, second = 0]: Uint8Array): boolean =>
  (first & 0x0f) === 8 && first >> 4 <= 7 && (first * 256 + second) % 31 === 0

/**
 * The number of bytes that are checked for control characters. Compressed bytes have a control character much earlier.
 */
const LOOK_AT = 4_096
const CONTROLS = new Set([...Array(32).keys()].filter(code => !'\t\n\f\r'.includes(String.fromCharCode(code))))

/** Returns whether bytes may be text of a charset that includes ASCII. */
const isText = (bytes: Uint8Array): boolean => !bytes.subarray(0, LOOK_AT).some(byte => CONTROLS.has(byte))
