import { createHash } from 'node:crypto'
import { chmodSync, linkSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BuildOptions, Metafile, Plugin } from 'esbuild'

export type QueueBackend = 'sqs' | 'rabbitmq'

/** The entry points of every deployment. Each is a Lambda function, with the file `functions/<entry point>/handler.ts`. */
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
export type CommonEntryPoint = (typeof ENTRY_POINTS)[number]

/**
 * All entry points. `broker` exists only in deployments with RabbitMQ. It declares queues, moves messages out of bulk queues (in which
 * messages of users with many open requests wait), and runs commands of operators.
 */
export type EntryPoint = CommonEntryPoint | 'broker'

/** Returns the entry points of a deployment with this queue backend. */
export const entryPointsOf = (backend: QueueBackend): readonly EntryPoint[] =>
  backend === 'rabbitmq' ? [...ENTRY_POINTS, 'broker'] : ENTRY_POINTS

/** A function's code: the files of one folder. `index.mjs` exports `handler`. */
export interface Bundle {
  readonly files: ReadonlyMap<string, Uint8Array>
  /**
   * The SHA-256 of the names and contents of the files, in hex. The hash is the same for every path of the checkout. So a deployment from
   * another folder does not update functions whose code is the same.
   */
  readonly hash: string
  /** The folders of the packages with code in the bundle, such as `node_modules/zod`. */
  readonly packages: readonly string[]
}

const REPOSITORY = fileURLToPath(new URL('..', import.meta.url))

// The first line of each bundled file. It defines `require`, because CommonJS packages in the bundle call `require` for Node's modules, and an ES module
// has no `require`.
const REQUIRE =
  "import { createRequire as sluiceCreateRequire } from 'node:module';const require = sluiceCreateRequire(import.meta.url);"

/**
 * Packages that are left out of the bundles. The AWS SDK imports them only in a browser, or to get credentials from files, processes or
 * logins. A Lambda function has its credentials in environment variables, so the SDK never imports these packages there.
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
 * The files with code for SQS, each with the file that replaces it in a bundle for RabbitMQ. Both files export the same
 * names. So a bundle has the code of only one backend, and functions need not choose the backend at run time.
 */
const FOR_RABBITMQ: ReadonlyMap<string, string> = new Map([
  ['functions/core/queue/compose.ts', 'functions/core/queue/rabbitmq/compose.ts'],
  ['functions/core/platform/queue-env.ts', 'functions/core/platform/queue-env-rabbitmq.ts'],
  ['functions/core/platform/aws-clients.ts', 'functions/core/platform/aws-clients-rabbitmq.ts'],
])

/** Makes the plugin of esbuild that replaces the files of SQS with the files of the given backend. SQS needs no plugin. */
function filesOf(backend: QueueBackend, root: string): Plugin[] {
  if (backend === 'sqs') return []
  return [
    {
      name: 'queue backend',
      setup: build => {
        build.onResolve({ filter: /\/(compose|queue-env|aws-clients)\.ts$/ }, ({ path, resolveDir }) => {
          const other = FOR_RABBITMQ.get(relative(root, resolve(resolveDir, path)))
          return other === undefined ? undefined : { path: join(root, other) }
        })
      },
    },
  ]
}

/**
 * Bundles one entry point with all its imports. The bundle includes the AWS SDK. So the function runs the SDK's version in the lock file,
 * and not the version of the Lambda runtime, which AWS may change at any time. Rejects with esbuild's errors.
 */
export const bundleFunction = (entryPoint: string, root = REPOSITORY, backend: QueueBackend = 'sqs'): Promise<Bundle> =>
  bundle(
    { entryPoints: { index: `functions/${entryPoint}/handler.ts` }, plugins: filesOf(backend, resolve(root)) },
    root,
  )

/** Bundles a source text in the same way as an entry point. A benchmark compares such bundles with the bundles of functions. */
export const bundleSource = (contents: string): Promise<Bundle> =>
  bundle({ stdin: { contents, resolveDir: REPOSITORY, sourcefile: 'index.ts' }, entryNames: 'index' }, REPOSITORY)

async function bundle(entry: BuildOptions, root: string): Promise<Bundle> {
  const { files, metafile } = await build(entry, root)
  return { files, hash: hashOf(files), packages: packagesIn(metafile) }
}

/** Runs esbuild. Resolves to the files by their names, and to esbuild's description of the files (`metafile`). */
async function build(
  entry: BuildOptions,
  root: string,
): Promise<{ files: Map<string, Uint8Array>; metafile: Metafile }> {
  // The npm package comes without esbuild: its bundles are already made (lib/packaged-bundles.ts).
  const esbuild = await import('esbuild')
  const { outputFiles, metafile } = await esbuild.build({
    ...entry,
    absWorkingDir: root,
    // Nothing is written into this folder. But source maps name the source files relative to the folder, so it is inside the checkout. Otherwise the
    // names, and with them the bundle's hash, would depend on the path of the checkout.
    outdir: join('cdk.out', 'bundle'),
    write: false,
    metafile: true,
    bundle: true,
    external: NEVER_IMPORTED,
    splitting: true,
    // Chunks, i.e. files that several modules share, are in the folder of the entry file. The code finds settings.json
    // relative to `import.meta.url`, so this works in a chunk, too.
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
  return { files: new Map(outputFiles.map(file => [basename(file.path), file.contents])), metafile }
}

/** Lists the packages with code in a bundle. The list leaves out packages that esbuild has read but of which it has used nothing. */
export function packagesIn({ outputs }: Metafile): string[] {
  const sources = Object.values(outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [path] : [])),
  )
  const folders = sources.flatMap(path => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? [])
  return [...new Set(folders)].sort()
}

/** Returns the hash of a bundle with these files. */
export function hashOf(files: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256')
  for (const [name, contents] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name}\0${contents.length}\0`).update(contents)
  }
  return hash.digest('hex')
}

/** The code of all functions of a deployment. */
export type Bundles = Readonly<Record<CommonEntryPoint, Bundle>> & { readonly broker?: Bundle }

/** Returns the code of one function. Throws if the bundles were made for a backend that does not have the function. */
export function bundleOf(bundles: Bundles, entryPoint: EntryPoint): Bundle {
  const bundle = bundles[entryPoint]
  if (!bundle) throw new Error(`there is no bundle of ${entryPoint}`)
  return bundle
}

const bundles = new Map<QueueBackend, Promise<Bundles>>()

/** Bundles all entry points at the same time, once per process and backend. */
export function bundleAll(backend: QueueBackend = 'sqs'): Promise<Bundles> {
  const bundled = bundles.get(backend) ?? bundleEach(backend)
  bundles.set(backend, bundled)
  return bundled
}

async function bundleEach(backend: QueueBackend): Promise<Bundles> {
  const entries = entryPointsOf(backend).map(
    async name => [name, await bundleFunction(name, REPOSITORY, backend)] as const,
  )
  return Object.fromEntries(await Promise.all(entries)) as Bundles
}

/**
 * Bundles all entry points in one run of esbuild, for the local system. Code that several entry points need is in shared chunks, and each
 * bundle has a copy of its chunks. This takes an eighth of the CPU of `bundleAll`, because each source is read, parsed and printed once.
 * A deployment uses `bundleAll`, because its bundles have fewer files, and so Lambda loads them sooner.
 */
export async function bundleTogether(backend: QueueBackend = 'sqs', root = REPOSITORY): Promise<Bundles> {
  const names = entryPointsOf(backend)
  const entryPoints = Object.fromEntries(names.map(name => [name, `functions/${name}/handler.ts`]))
  const { files, metafile } = await build({ entryPoints, plugins: filesOf(backend, resolve(root)) }, root)
  return Object.fromEntries(names.map(name => [name, partOf(files, metafile, name)])) as Bundles
}

/** Makes the bundle of one entry point: the entry point's own file as `index.mjs`, and all chunks that this file may import. */
function partOf(files: ReadonlyMap<string, Uint8Array>, { outputs }: Metafile, entryPoint: string): Bundle {
  const needed = new Map<string, Metafile['outputs'][string]>()
  const add = (path: string): void => {
    const output = outputs[path]
    if (!output || needed.has(path)) return
    needed.set(path, output)
    for (const imported of output.imports) add(imported.path)
  }
  const own = `${entryPoint}.mjs`
  add(Object.keys(outputs).find(path => basename(path) === own) ?? '')
  const parts = new Map<string, Uint8Array>()
  for (const name of [...needed.keys()].map(path => basename(path)))
    for (const file of [name, `${name}.map`]) {
      const contents = files.get(file)
      if (contents) parts.set(file === own ? 'index.mjs' : file, contents)
    }
  return {
    files: parts,
    hash: hashOf(parts),
    packages: packagesIn({ inputs: {}, outputs: Object.fromEntries(needed) }),
  }
}

/**
 * The mode of files in a bundle. Lambda runs a function as a different user than the one who made the files. So all users
 * must be able to read the files.
 */
const READABLE = 0o644

/** The name and the JSON content of a function's settings file. */
export interface SettingsFile {
  readonly file: string
  readonly content: unknown
}

/** Writes a bundle into a folder, with its settings file if there is one. */
export function writeBundle(bundle: Bundle, folder: string, settings?: SettingsFile): void {
  mkdirSync(folder, { recursive: true })
  for (const [name, contents] of bundle.files) writeReadable(join(folder, name), contents)
  if (settings) writeReadable(join(folder, settings.file), JSON.stringify(settings.content))
}

// Writes a file with the mode READABLE. The mode is set with `chmodSync`, because the user's umask would change the `mode`
// of `writeFileSync`. The CDK keeps the modes of files when it zips them. So Lambda could not read files with another mode.
function writeReadable(file: string, contents: string | Uint8Array): void {
  if (typeof contents !== 'string' && isLinked(contents, file)) return
  writeFileSync(file, contents)
  chmodSync(file, READABLE)
}

/** The path to which each content was last written. Bundles that were made together share most of their files. */
const writtenTo = new WeakMap<Uint8Array, string>()

/**
 * Makes `file` a hard link to the last written file with the same contents, because a link takes less time than a new file.
 * Returns false if the link can't be made. Then the caller writes the file.
 */
function isLinked(contents: Uint8Array, file: string): boolean {
  const twin = writtenTo.get(contents)
  writtenTo.set(contents, file)
  try {
    if (twin !== undefined) linkSync(twin, file)
    return twin !== undefined
  } catch {
    // The older file is deleted, or is on another disk.
    return false
  }
}
