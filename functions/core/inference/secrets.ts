import { validateHeaderValue } from 'node:http'
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager'
import type { Clock } from '../platform/clock.ts'
import { secretsManagerClient } from '../platform/secrets-manager-client.ts'
import { reaching } from '../platform/unavailable.ts'
import type { ReadSecret } from './http-endpoint.ts'

/** A rotated secret is used after at most so long. Milliseconds. */
const CACHE_MS = 5 * 60_000

/** Secrets of AWS Secrets Manager, for headers, each read at most every five minutes. Rejects with `Unavailable`. */
export function secretsManager(clock: Clock, client = secretsManagerClient(3_000)): ReadSecret {
  const cache = new Map<string, { value: Promise<string>; until: number }>()
  const read = (name: string) =>
    reaching('the secret', async () => {
      const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId: name }))
      if (SecretString === undefined) throw new Error('it holds no text')
      return sendable(SecretString)
    })
  return name => {
    const cached = cache.get(name)
    if (cached && cached.until > clock()) return cached.value
    const value = read(name)
    cache.set(name, { value, until: clock() + CACHE_MS })
    value.catch(() => cache.delete(name))
    return value
  }
}

/** Removes the line end that editors and `echo` leave from a secret. Throws if no header can carry the secret. */
function sendable(secret: string): string {
  const text = secret.replace(/[\r\n]+$/, '')
  try {
    validateHeaderValue('secret', text)
  } catch {
    throw new Error('it holds a line break, or another character that no HTTP header can carry')
  }
  return text
}
