import { readFileSync } from 'node:fs'
import type * as z from 'zod'

/** The file beside a function's bundle that contains its part of pipeline.yaml. */
export const SETTINGS_FILE = 'settings.json'

/**
 * Reads the settings that `cdk deploy` has bundled. Throws if the settings do not match the schema of this bundle, so
 * that a function never runs with wrong settings.
 */
export const readSettings = <Schema extends z.ZodType>(schema: Schema): z.infer<Schema> =>
  schema.parse(JSON.parse(readFileSync(new URL(SETTINGS_FILE, import.meta.url), 'utf8')))
