import { mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { compile } from './compile.ts'
import { CACHE, IS_PACKAGE, ROOT } from './installation.ts'
import { makeUnfinished } from './local/unfinished.ts'
import { hashOfFolder } from './sources.ts'

/** The files of `lib/local` that threads run first. All compiled files are in one folder, so their last names must differ. */
const FIRST_FILES = [
  'emulators/dynamodb',
  'emulators/make-postgres',
  'emulators/rds-data',
  'emulators/sqs-s3',
  'lambda/boot',
  'model/thread',
]

const PREFIX = 'threads-'

/**
 * Compiles the first files of the local system's threads to JavaScript, or finds the files that an earlier start has compiled. This saves
 * memory and time: in each thread that loads TypeScript, Node's own compiler takes 10 MB and 30 ms. Resolves to the folder of the compiled
 * files. Resolves to undefined in the npm package, which has only JavaScript, and if the files can't be stored.
 */
export async function keptThreads(): Promise<URL | undefined> {
  if (IS_PACKAGE) return undefined
  const folder = fileURLToPath(new URL('lib/local/', ROOT))
  try {
    const kept = join(CACHE, `${PREFIX}${hashOfFolder(folder)}`)
    mkdirSync(CACHE, { recursive: true })
    const names = readdirSync(CACHE)
    if (!names.some(name => join(CACHE, name) === kept)) {
      await make(folder, kept)
      // Another local system may use the older files at this time. Its next threads load the TypeScript files (lib/local/module-beside.ts).
      for (const name of names) if (name.startsWith(PREFIX)) rmSync(join(CACHE, name), { recursive: true, force: true })
    }
    return pathToFileURL(`${kept}/`)
  } catch {
    // The checkout is read-only, or another process has just stored the same files. Then the threads of this start load TypeScript.
    return undefined
  }
}

/** Compiles into a new folder, and then renames the folder. So no process can read incomplete files. */
async function make(folder: string, kept: string): Promise<void> {
  const unfinished = makeUnfinished(CACHE)
  try {
    await compile({
      entryPoints: FIRST_FILES.map(name => join(folder, `${name}.ts`)),
      entryNames: '[name]',
      outdir: unfinished,
      outExtension: { '.js': '.mjs' },
      format: 'esm',
    })
    renameSync(unfinished, kept)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
}
