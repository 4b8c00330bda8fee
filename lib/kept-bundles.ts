import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Bundles, bundleTogether, type QueueBackend } from './bundle.ts'
import { CACHE } from './installation.ts'
import { makeUnfinished } from './local/unfinished.ts'
import { readBundles, writeBundles } from './packaged-bundles.ts'
import { hashOfSources } from './sources.ts'

/**
 * Returns the stored bundles of the same sources, or makes and stores them. Bundling takes a second of a core.
 * Only the local system uses this, because a deployment always makes new bundles.
 */
export async function keptBundles(sources: string, backend: QueueBackend = 'sqs'): Promise<Bundles> {
  const folder = join(CACHE, `${nameOf(backend)}${sources}`)
  try {
    return readBundles(pathToFileURL(`${folder}/`), backend)
  } catch {
    // There are no bundles, or another process is deleting them.
  }
  const bundles = await bundleTogether(backend)
  // A source file was changed meanwhile, so it is not known from which sources the bundles were made.
  if (hashOfSources() !== sources) return bundles
  try {
    keep(bundles, folder, nameOf(backend))
  } catch {
    // Another process has just kept them, or the checkout is read-only. The next start bundles again.
  }
  return bundles
}

const nameOf = (backend: QueueBackend): string => `bundles-${backend}-`

/**
 * Writes the bundles into a new folder and renames it, so that no process reads only a part of them. It deletes the
 * bundles of older sources.
 */
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
