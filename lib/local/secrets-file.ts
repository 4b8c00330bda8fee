import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { LocalError } from './error.ts'

/** The file in the data folder with the values of the secrets that the template creates, by the secret's ARN. */
export const SECRETS_FILE = 'secrets.json'

const Secrets = z.record(z.string(), z.string())

/**
 * Reads the secrets file of the data folder. Returns an empty object if the file does not exist, which is so at the first start. Throws a
 * `LocalError` if the file is damaged. Otherwise the local system would generate new secrets, and overwrite the old secrets, with which the
 * database was set up.
 */
export function readSecrets(folder: string): z.infer<typeof Secrets> {
  const path = join(folder, SECRETS_FILE)
  if (!existsSync(path)) return {}
  try {
    return Secrets.parse(JSON.parse(readFileSync(path, 'utf8')))
  } catch {
    throw new LocalError(`${path} is damaged: restore the file, or delete the folder ${folder} to begin with new data.`)
  }
}
