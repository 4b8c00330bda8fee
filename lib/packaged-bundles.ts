import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Bundle, type Bundles, ENTRY_POINTS, hashOf } from './bundle.ts'
import { ROOT } from './installation.ts'

/** The folder with the functions' code in the npm package: a folder per entry point. */
export const BUNDLES_FOLDER = new URL('dist/bundles/', ROOT)

let bundles: Bundles | undefined

/** Reads the functions' code that came with the npm package, once per process. */
export function packagedBundles(): Bundles {
  bundles ??= Object.fromEntries(ENTRY_POINTS.map(name => [name, readBundle(name)])) as Bundles
  return bundles
}

function readBundle(entryPoint: string): Bundle {
  const folder = new URL(`${entryPoint}/`, BUNDLES_FOLDER)
  const names = readdirSync(fileURLToPath(folder))
  const files = new Map(names.map(name => [name, readFileSync(new URL(name, folder))]))
  return { files, hash: hashOf(files), packages: [] }
}
