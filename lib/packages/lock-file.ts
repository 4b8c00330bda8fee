import { readFileSync } from 'node:fs'
import * as z from 'zod'

const Entry = z.looseObject({
  version: z.string().optional(),
  license: z.string().optional(),
  integrity: z.string().optional(),
  resolved: z.string().optional(),
  /** Whether the package is only for development. */
  dev: z.boolean().optional(),
  /** Whether the package is inside the archive of another package. Then the integrity of that archive covers it. */
  inBundle: z.boolean().optional(),
  link: z.boolean().optional(),
  hasInstallScript: z.boolean().optional(),
})
export type LockedPackage = z.infer<typeof Entry>

const LockFile = z.looseObject({ lockfileVersion: z.number(), packages: z.record(z.string(), Entry) })
export type LockFile = z.infer<typeof LockFile>

/** Reads package-lock.json: the packages that `npm ci` installs, by their folders. The key of the project itself is ''. */
export const readLockFile = (): LockFile =>
  LockFile.parse(JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8')))

/** Finds the name of the package in a folder: `node_modules/a/node_modules/@b/c` → `@b/c`. */
export const packageName = (folder: string): string => folder.slice(folder.lastIndexOf('node_modules/') + 13)

/** Returns the name and version of a package in npm's form, such as `name@1.2.3`. For the same package in two folders, the result is the same. */
export function nameAndVersion(lock: LockFile, folder: string): string {
  const version = lock.packages[folder]?.version
  if (version === undefined) throw new Error(`package-lock.json has no package in ${folder}: run npm install`)
  return `${packageName(folder)}@${version}`
}
