import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import * as z from 'zod'
import type { RolePasswords } from '../core/stores/ledger/roles.ts'
import type { RoleSecrets } from './env.ts'

const Credentials = z.object({ password: z.string() })

/** Reads the password of each role from its secret. Throws the errors of Secrets Manager. */
export async function readPasswords(client: SecretsManagerClient, secrets: RoleSecrets): Promise<RolePasswords> {
  const passwords = await Promise.all(
    Object.entries(secrets).map(async ([role, SecretId]) => {
      const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId }))
      return [role, passwordIn(SecretString, role)]
    }),
  )
  return Object.fromEntries(passwords)
}

/**
 * Reads the password in a secret. If the secret can't be parsed, it throws an error of its own, because the parser's
 * error would quote the secret.
 */
function passwordIn(secret: string | undefined, role: string): string {
  try {
    return Credentials.parse(JSON.parse(secret ?? '')).password
  } catch {
    throw new Error(`the secret of the role ${role} is not JSON with a password`)
  }
}
