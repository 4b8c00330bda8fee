import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'

/** The number of hash iterations. It is PostgreSQL's default. */
const ITERATIONS = 4096
const SALT_BYTES = 16

/**
 * Makes the verifier that PostgreSQL stores instead of a password (RFC 5803). `CREATE ROLE` and `ALTER ROLE` accept the
 * verifier in place of the password. Nobody can log in with the verifier, so it may appear in logs. The password must
 * be ASCII, because this code does not implement SASLprep, which normalizes other characters and leaves ASCII
 * unchanged.
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
