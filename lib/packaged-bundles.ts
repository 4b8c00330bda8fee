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
export function readBundles(folder: URL, backend: QueueBackend): Bundles {
  const chunks = new Map<string, Uint8Array>()
  const bundles = entryPointsOf(backend).map(name => [name, readBundle(new URL(`${name}/`, folder), chunks)])
  return Object.fromEntries(bundles) as Bundles
}

/** The name of a chunk has the hash of its contents, so chunks with the same name are read once. */
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
