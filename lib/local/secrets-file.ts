import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'

/** In the data folder: the secrets that the template has created, by ARN. */
export const SECRETS_FILE = 'secrets.json'

const Secrets = z.record(z.string(), z.string())

/** None if there is no such file yet. */
export function readSecrets(folder: string): z.infer<typeof Secrets> {
  try {
    return Secrets.parse(JSON.parse(readFileSync(join(folder, SECRETS_FILE), 'utf8')))
  } catch {
    return {}
  }
}
