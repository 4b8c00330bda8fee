import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'

/** The file in the data folder with the values of the secrets that the template creates, by ARN. */
export const SECRETS_FILE = 'secrets.json'

const Secrets = z.record(z.string(), z.string())

/** Reads the file. Returns no secrets if the file does not exist yet, or can't be read. */
export function readSecrets(folder: string): z.infer<typeof Secrets> {
  try {
    return Secrets.parse(JSON.parse(readFileSync(join(folder, SECRETS_FILE), 'utf8')))
  } catch {
    return {}
  }
}
