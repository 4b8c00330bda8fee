import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/** PostgreSQL's own number. */
const ITERATIONS = 4096
const SALT_BYTES = 16

/**
 * What PostgreSQL keeps of a password (RFC 5803), and takes in the place of it: whoever reads it can't log in with it.
 * The password has to be ASCII, of which normal forms (SASLprep) change nothing.
 */
export function scramVerifier(password: string, salt = randomBytes(SALT_BYTES)): string {
  if (!/^[\x21-\x7e]+$/.test(password))
    throw new Error('a password of the ledger has to be printable ASCII without spaces')
  const salted = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256')
  const hmac = (text: string) => createHmac('sha256', salted).update(text).digest()
  const storedKey = createHash('sha256').update(hmac('Client Key')).digest('base64')
  const serverKey = hmac('Server Key').toString('base64')
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}
