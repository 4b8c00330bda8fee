import { SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { clientTimeouts } from './client-timeouts.ts'

/** Waits for an answer for so many milliseconds at each try. */
export const secretsManagerClient = (ms: number): SecretsManagerClient => new SecretsManagerClient(clientTimeouts(ms))
