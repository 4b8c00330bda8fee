import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BuildOptions, build, type Metafile } from 'esbuild'

/** Every `functions/<entry point>/handler.ts`. */
export const ENTRY_POINTS = [
  'authorizer',
  'gateway',
  'intake',
  'reader',
  'worker',
  'collector',
  'sweeper',
  'retention',
  'migrator',
] as const
export type EntryPoint = (typeof ENTRY_POINTS)[number]

/** A function's code: one folder of files, of which `index.mjs` exports `handler`. */
export interface Bundle {
  readonly files: ReadonlyMap<string, Uint8Array>
  /** SHA-256 of names and contents, hex: the same wherever the checkout is. */
  readonly hash: string
  /** The packages that have code in it, by their folders: `node_modules/zod`. */
  readonly packages: readonly string[]
}

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url))

// Packages that are CommonJS call `require` for Node's own modules, which an ES module does not have.
const REQUIRE =
  "import { createRequire as sluiceCreateRequire } from 'node:module';const require = sluiceCreateRequire(import.meta.url);"

/**
 * What the SDK imports in other places only: in a browser, or for credentials that a Lambda function does not have, since
 * the chain ends at its environment before it asks for them.
 */
const NEVER_IMPORTED = [
  'bowser',
  '@aws-sdk/credential-provider-ini',
  '@aws-sdk/credential-provider-login',
  '@aws-sdk/credential-provider-process',
  '@aws-sdk/credential-provider-sso',
  '@aws-sdk/credential-provider-web-identity',
]

/**
 * Bundles one entry point with everything it imports, the AWS SDK too: what runs is what the lock file says, not what the
 * Lambda runtime happens to bring. Rejects with esbuild's errors.
 */
export const bundleFunction = (entryPoint: string, root = REPOSITORY): Promise<Bundle> =>
  bundle({ entryPoints: { index: `functions/${entryPoint}/handler.ts` } }, root)

/** Bundles a source text as if it were an entry point: a benchmark compares with it. */
export const bundleSource = (contents: string): Promise<Bundle> =>
  bundle({ stdin: { contents, resolveDir: REPOSITORY, sourcefile: 'index.ts' }, entryNames: 'index' }, REPOSITORY)

async function bundle(entry: BuildOptions, root: string): Promise<Bundle> {
  const { outputFiles = [], metafile } = await build({
    ...entry,
    absWorkingDir: root,
    // Nothing is written there; source maps name their sources relative to it, so it has to be inside the checkout.
    outdir: join('cdk.out', 'bundle'),
    write: false,
    metafile: true,
    bundle: true,
    external: NEVER_IMPORTED,
    splitting: true,
    // Beside the entry: `import.meta.url` must lead to settings.json from any chunk.
    chunkNames: '[name]-[hash]',
    outExtension: { '.js': '.mjs' },
    format: 'esm',
    platform: 'node',
    target: 'node24',
    mainFields: ['module', 'main'],
    minify: true,
    legalComments: 'none',
    sourcemap: 'linked',
    sourcesContent: false,
    banner: { js: REQUIRE },
    logLevel: 'silent',
  })
  const files = new Map(outputFiles.map(file => [basename(file.path), file.contents]))
  return { files, hash: hashOf(files), packages: packagesIn(metafile) }
}

/** Of packages that esbuild read and left out wholly there is nothing in the bundle. */
function packagesIn({ outputs }: Metafile): string[] {
  const sources = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  )
  const folders = sources.flatMap(path => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [])
  return [...new Set(folders)].sort()
}

function hashOf(files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256')
  for (const [name, contents] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\0${contents.length}\0`).update(contents)
  }
  return hash.digest('hex')
}

export type Bundles = Readonly<Record<EntryPoint, Bundle>>

let bundles: Promise<Bundles> | undefined

/** All entry points, bundled at the same time and once per process. */
export function bundleAll(): Promise<Bundles> {
  bundles ??= Promise.all(ENTRY_POINTS.map(async name => [name, await bundleFunction(name)] as const)).then(
    entries => Object.fromEntries(entries) as Record<EntryPoint, Bundle>,
  )
  return bundles
}

/** Writes a bundle, and its settings as `settings.json` where there are some, into a new folder. */
export function writeBundle(bundle: Bundle, folder: string, settings?: { file: string; content: unknown }): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, contents] of bundle.files) writeFileSync(join(folder, name), contents)
  if (settings) writeFileSync(join(folder, settings.file), JSON.stringify(settings.content))
}
