import { validateHeaderValue } from 'node:http'
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import type { Clock } from '../platform/clock.ts'
import { secretsManagerClient } from '../platform/secrets-manager-client.ts'
import { reaching } from '../platform/unavailable.ts'
import type { ReadSecret } from './http-endpoint.ts'

/**
 * How long a secret is cached, in milliseconds. So the new value of a replaced secret is used after at most this time,
 * or earlier if the model refuses the old value.
 */
const CACHE_MS = 5 * 60_000

interface Cached {
  readonly text: Promise<string>
  readonly readAt: number
}

/**
 * Makes the reader of AWS Secrets Manager's secrets for headers. It reads each secret at most every five minutes, or
 * earlier if the caller needs a value that was read after a given time. Rejects with `Unavailable`, or with `Defect` if
 * no header can carry the secret.
 */
export function secretsManager(clock: Clock, client = secretsManagerClient(3_000)): ReadSecret {
  const cache = new Map<string, Cached>()
  const fetchText = async (name: string) => {
    const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: name }))
    if (SecretString === undefined) throw new Error('it holds no text')
    return SecretString
  }
  const cachedText = (name: string, after: number) => {
    const cached = cache.get(name)
    if (cached && cached.readAt + CACHE_MS > clock() && cached.readAt > after) return cached
    const fetched = { text: fetchText(name), readAt: clock() }
    cache.set(name, fetched)
    return fetched
  }
  return (name, { field, after = Number.NEGATIVE_INFINITY } = {}) =>
    reaching('the secret', async () => {
      const cached = cachedText(name, after)
      try {
        return sendable(fieldOf(await cached.text, field))
      } catch (error) {
        if (cache.get(name) === cached) cache.delete(name)
        throw error
      }
    })
}

/**
 * Returns the field of a secret that is a JSON object, or the whole secret if no field is named. Its errors contain
 * nothing of the secret.
 */
function fieldOf(secret: string, field: string | undefined): string {
  if (field === undefined) return secret
  const value = Object.entries(objectOf(secret)).find(([name]) => name === field)?.[1]
  if (typeof value === 'string') return value
  if (typeof value === 'number') return String(value)
  throw new Error(`it is no JSON object with a text in the field ${field}, which endpoint.auth.field names`)
}

function objectOf(secret: string): object {
  try {
    const value: unknown = JSON.parse(secret)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

/**
 * Removes the line break at the end of a secret, which editors and `echo` add. Throws if no header can carry the
 * secret.
 */
function sendable(secret: string): string {
  const text = secret.replace(/[\r\n]+$/, '')
  try {
    validateHeaderValue('secret', text)
  } catch {
    throw new Error('it holds a line break, or another character that no HTTP header can carry')
  }
  return text
}
