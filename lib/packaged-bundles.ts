import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Bundle, type Bundles, entryPointsOf, hashOf, type QueueBackend, writeBundle } from './bundle.ts'
import { ROOT } from './installation.ts'

/** Returns the folder with the functions' code in the npm package: a folder per backend, with one per entry point. */
export const bundlesFolder = (backend: QueueBackend): URL => new URL(`dist/bundles/${backend}/`, ROOT)

const bundles = new Map<QueueBackend, Bundles>()

/** Reads the functions' code in the npm package, once per process and backend. */
export function packagedBundles(backend: QueueBackend): Bundles {
  const read = bundles.get(backend) ?? readBundles(bundlesFolder(backend), backend)
  bundles.set(backend, read)
  return read
}

/** Writes bundles into a folder, with one folder per entry point. */
export function writeBundles(written: Bundles, folder: URL): void {
  for (const [entryPoint, bundle] of Object.entries(written))
    writeBundle(bundle, fileURLToPath(new URL(entryPoint, folder)))
}

/**
 * Reads the bundles that `writeBundles` has written. The list of packages is neither written nor read. Throws if a
 * bundle is missing.
 */
export const readBundles = (folder: URL, backend: QueueBackend): Bundles =>
  Object.fromEntries(entryPointsOf(backend).map(name => [name, readBundle(new URL(`${name}/`, folder))])) as Bundles

function readBundle(folder: URL): Bundle {
  const names = readdirSync(fileURLToPath(folder))
  const files = new Map(names.map(name => [name, readFileSync(new URL(name, folder))]))
  return { files, hash: hashOf(files), packages: [] }
}
