import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Bundles, bundleTogether, type QueueBackend } from './bundle.ts'
import { CACHE } from './installation.ts'
import { makeUnfinished } from './local/unfinished.ts'
import { readBundles, writeBundles } from './packaged-bundles.ts'
import { hashOfSources } from './sources.ts'

/**
 * Returns the functions' bundles for the local system. If an earlier start has stored bundles of the same sources, these are
 * returned. Otherwise, new bundles are made and stored, which takes a second of CPU time. A deployment does not use this
 * function: it always makes new bundles.
 */
export async function keptBundles(sources: string, backend: QueueBackend = 'sqs'): Promise<Bundles> {
  const folder = join(CACHE, `${nameOf(backend)}${sources}`)
  try {
    return readBundles(pathToFileURL(`${folder}/`), backend)
  } catch {
    // There are no stored bundles of these sources, or another process is deleting them. So new ones are made.
  }
  const bundles = await bundleTogether(backend)
  // If a source file was changed during the bundling, nobody can tell from which sources the bundles were made. Then they
  // are not stored, so that a later start does not run old code.
  if (hashOfSources() !== sources) return bundles
  try {
    keep(bundles, folder, nameOf(backend))
  } catch {
    // Another process has just stored the same bundles, or the checkout is read-only. In a read-only checkout, the next start bundles again.
  }
  return bundles
}

const nameOf = (backend: QueueBackend): string => `bundles-${backend}-`

/**
 * Writes the bundles into a new folder, and then renames the folder. So no process can read incomplete bundles. Then
 * deletes the bundles of older sources.
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
