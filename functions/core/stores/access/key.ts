import { createHash, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const PREFIX = 'sk_sluice_'
/** The length of a key's secret part, in characters of base62. 32 characters contain 190 bits. */
const SECRET_LENGTH = 32
/** The length of a key's checksum, in characters of base62. 6 characters are enough for 32 bits. */
const CRC_LENGTH = 6
const FORMAT = new RegExp(`^${PREFIX}[0-9A-Za-z]{${SECRET_LENGTH + CRC_LENGTH}}$`)

/**
 * Makes an API key, `sk_sluice_<base62><crc>`. Scanners for leaked secrets recognize a key by this form. The checksum
 * reveals a typing error, so a mistyped key is refused without a read of the keys table.
 */
export function newKey(): string {
  const secret = Array.from({ length: SECRET_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('')
  return PREFIX + secret + checksum(secret)
}

/** Returns whether a text has the form of a key and the right checksum. Only the keys table shows whether the key exists. */
export function isWellFormedKey(key: string): boolean {
  if (!FORMAT.test(key)) return false
  const secret = key.slice(PREFIX.length, -CRC_LENGTH)
  return checksum(secret) === key.slice(-CRC_LENGTH)
}

/** Returns the SHA-256 of a key, hex. Nothing else of a key is stored. */
export const hashKey = (key: string): string => createHash('sha256').update(key).digest('hex')

/**
 * Returns the public name of a key: the first 64 bits of its hash. They reveal nothing about the key, so the name may
 * appear in logs and lists.
 */
export const keyIdOf = (hash: string): string => hash.slice(0, 16)

function checksum(secret: string): string {
  let rest = crc32(secret)
  let text = ''
  for (let i = 0; i < CRC_LENGTH; i++) {
    text = (ALPHABET[rest % ALPHABET.length] ?? '') + text
    rest = Math.floor(rest / ALPHABET.length)
  }
  return text
}
