import { readFileSync } from 'node:fs'
import type * as z from 'zod'

/** The file beside a function's bundle that contains its part of pipeline.yaml. */
export const SETTINGS_FILE = 'settings.json'

/** Reads the settings that `cdk deploy` has bundled. Throws if a bundle and its settings do not belong together. */
export const readSettings = <Schema extends z.ZodType>(schema: Schema): z.infer<Schema> =>
  schema.parse(JSON.parse(readFileSync(new URL(SETTINGS_FILE, import.meta.url), 'utf8')))
