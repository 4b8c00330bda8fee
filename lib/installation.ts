import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'

/** Whether this is the compiled code of the npm package, and not the TypeScript of a checkout. */
export const IS_PACKAGE = import.meta.url.endsWith('.js')

/** The folder with package.json. The compiled code is in `dist` there. */
export const ROOT = new URL(IS_PACKAGE ? '../../' : '../', import.meta.url)

/** The folder for results that later starts reuse. npm deletes it together with the packages. */
export const CACHE = fileURLToPath(new URL('node_modules/.cache/sluice/', ROOT))

const PackageJson = z.object({
  version: z.string(),
  dependencies: z.record(z.string(), z.string()),
  peerDependencies: z.record(z.string(), z.string()),
})

/** Reads the package.json of Sluice itself. */
export const readOwnPackageJson = (): z.infer<typeof PackageJson> =>
  PackageJson.parse(JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')))
