import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as z from 'zod'

/** Whether this process runs the compiled code of the npm package (.js), and not the TypeScript of a checkout. */
export const IS_PACKAGE = import.meta.url.endsWith('.js')

/** The folder with package.json. In the npm package, the compiled code is in the subfolder `dist`. */
export const ROOT = new URL(IS_PACKAGE ? '../../' : '../', import.meta.url)

/** The folder for results that later starts reuse, such as bundles. It is in `node_modules`, so npm deletes it together with the packages. */
export const CACHE = fileURLToPath(new URL('node_modules/.cache/sluice/', ROOT))

const PackageJson = z.object({
  version: z.string(),
  dependencies: z.record(z.string(), z.string()),
  peerDependencies: z.record(z.string(), z.string()),
})

/** Reads the package.json of Sluice itself. */
export const readOwnPackageJson = (): z.infer<typeof PackageJson> =>
  PackageJson.parse(JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')))
