import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { clientTimeouts } from './client-timeouts.ts'

/** Makes a client of Secrets Manager. Each try waits for at most `ms` milliseconds for an answer. */
export const secretsManagerClient = (ms: number): SecretsManagerClient => new SecretsManagerClient(clientTimeouts(ms))
