import { GetSecretValueCommand, type SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import * as z from 'zod'
import { secretsManagerClient } from '../../platform/secrets-manager-client.ts'
import { reaching } from '../../platform/unavailable.ts'
import type { Broker } from './link.ts'

const Credentials = z.object({ username: z.string(), password: z.string() })

/** Reads the broker's credentials from Secrets Manager. Rejects with `Unavailable`, or with a `Defect` that does not quote the secret. */
export function brokerCredentials(
  secretArn: string,
  client: () => SecretsManagerClient = () => secretsManagerClient(2_000),
): Broker['credentials'] {
  let made: SecretsManagerClient | undefined
  return () =>
    reaching('the secret of the broker', async () => {
      made ??= client()
      const { SecretString = '' } = await made.send(new GetSecretValueCommand({ SecretId: secretArn }))
      return parse(SecretString)
    })
}

function parse(text: string): z.infer<typeof Credentials> {
  try {
    return Credentials.parse(JSON.parse(text))
  } catch {
    throw new Error('it is not JSON with a username and a password')
  }
}
