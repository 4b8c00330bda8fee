import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { LocalError } from './error.ts'

/** The file in the data folder with the values of the secrets that the template creates, by ARN. */
export const SECRETS_FILE = 'secrets.json'

const Secrets = z.record(z.string(), z.string())

/**
 * Reads the file. Returns no secrets if the file does not exist yet. Throws a `LocalError` if the file is damaged, because new secrets
 * would overwrite those that the database was set up with.
 */
export function readSecrets(folder: string): z.infer<typeof Secrets> {
  const path = join(folder, SECRETS_FILE)
  const text = readIfExists(path)
  if (text === undefined) return {}
  try {
    return Secrets.parse(JSON.parse(text))
  } catch {
    throw new LocalError(`${path} is damaged: restore the file, or delete the folder ${folder} to begin with new data.`)
  }
}

function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
