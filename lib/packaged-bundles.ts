import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Bundle, type Bundles, entryPointsOf, hashOf, type QueueBackend, writeBundle } from './bundle.ts'
import { ROOT } from './installation.ts'

/** Returns the folder of the npm package with the functions' code for a backend. It has one subfolder per entry point. */
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
 * Reads the bundles that `writeBundles` has written. Their lists of packages are empty, because `writeBundles` does not
 * store these lists. Throws if a bundle is missing.
 */
export function readBundles(folder: URL, backend: QueueBackend): Bundles {
  const chunks = new Map<string, Uint8Array>()
  const bundles = entryPointsOf(backend).map(name => [name, readBundle(new URL(`${name}/`, folder), chunks)])
  return Object.fromEntries(bundles) as Bundles
}

/**
 * Reads one bundle. The name of a chunk (a file that several bundles share) contains a hash of its contents. So chunks with
 * the same name are read only once.
 */
function readBundle(folder: URL, chunks: Map<string, Uint8Array>): Bundle {
  const names = readdirSync(fileURLToPath(folder))
  const files = new Map(
    names.map(name => {
      const contents = chunks.get(name) ?? readFileSync(new URL(name, folder))
      if (IS_CHUNK.test(name)) chunks.set(name, contents)
      return [name, contents] as const
    }),
  )
  return { files, hash: hashOf(files), packages: [] }
}

const IS_CHUNK = /-[A-Z0-9]{8}\.mjs(\.map)?$/
