import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Bundles, bundleTogether, type QueueBackend } from './bundle.ts'
import { CACHE } from './installation.ts'
import { makeUnfinished } from './local/unfinished.ts'
import { readBundles, writeBundles } from './packaged-bundles.ts'
import { hashOfSources } from './sources.ts'

/**
 * Answers with the bundles that were made of the same sources before, or makes them and keeps them. Bundling takes a second of
 * a core. Only the local system uses this: a deployment always bundles anew.
 */
export async function keptBundles(sources: string, backend: QueueBackend = 'sqs'): Promise<Bundles> {
  const folder = join(CACHE, `${nameOf(backend)}${sources}`)
  try {
    return readBundles(pathToFileURL(`${folder}/`), backend)
  } catch {
    // They are not there, or another process is deleting them.
  }
  const bundles = await bundleTogether(backend)
  // A file was changed meanwhile, so nobody knows of which sources the bundles are.
  if (hashOfSources() !== sources) return bundles
  try {
    keep(bundles, folder, nameOf(backend))
  } catch {
    // Another process has just kept them, or the checkout is read-only. The next start bundles again.
  }
  return bundles
}

const nameOf = (backend: QueueBackend): string => `bundles-${backend}-`

/** Writes the bundles into a new folder and renames it, so that nobody reads half of them. Those of older sources are deleted. */
function keep(bundles: Bundles, folder: string, prefix: string): void {
  mkdirSync(CACHE, { recursive: true })
  const older = readdirSync(CACHE)
  const unfinished = makeUnfinished(CACHE)
  try {
    writeBundles(bundles, pathToFileURL(`${unfinished}/`))
    renameSync(unfinished, folder)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  for (const name of older) if (name.startsWith(prefix)) rmSync(join(CACHE, name), { recursive: true, force: true })
}
