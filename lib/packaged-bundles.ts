import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Bundle, type Bundles, entryPointsOf, hashOf, type QueueBackend } from './bundle.ts'
import { ROOT } from './installation.ts'

/** The folder with the functions' code in the npm package: a folder per backend, with one per entry point. */
export const bundlesFolder = (backend: QueueBackend): URL => new URL(`dist/bundles/${backend}/`, ROOT)

const bundles = new Map<QueueBackend, Bundles>()

/** Reads the functions' code that came with the npm package, once per process and backend. */
export function packagedBundles(backend: QueueBackend): Bundles {
  const known = bundles.get(backend)
  if (known) return known
  const read = Object.fromEntries(entryPointsOf(backend).map(name => [name, readBundle(backend, name)])) as Bundles
  bundles.set(backend, read)
  return read
}

function readBundle(backend: QueueBackend, entryPoint: string): Bundle {
  const folder = new URL(`${entryPoint}/`, bundlesFolder(backend))
  const names = readdirSync(fileURLToPath(folder))
  const files = new Map(names.map(name => [name, readFileSync(new URL(name, folder))]))
  return { files, hash: hashOf(files), packages: [] }
}
