import { fork } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { compile } from './compile.ts'
import type { Pipeline } from './config/schema.ts'
import { CACHE, IS_PACKAGE } from './installation.ts'
import { closeTree } from './local/data-folder.ts'
import { moduleBeside } from './local/module-beside.ts'
import { makeUnfinished } from './local/unfinished.ts'
import { hashOfSources } from './sources.ts'
import type { SynthesizeInput, SynthesizeMessage } from './synthesize-process.ts'

type Request = Omit<SynthesizeInput, 'sources' | 'backend' | 'pipeline'> & { readonly pipeline: Pipeline }

/** The file with the hash of the pipeline and the sources of a synthesis. It is written last, so a folder without this file is incomplete. */
const MADE_OF = 'made-of'

/**
 * Synthesizes a pipeline file into `outdir`. If the folder has the result of an earlier start with the same pipeline and
 * the same sources, nothing is done, which saves some seconds. Resolves to the folder with the template and its assets.
 */
export async function keptAssembly({ pipeline, ...request }: Request): Promise<string> {
  const { outdir } = request
  const sources = hashOfSources()
  const madeOf = createHash('sha256')
    .update(`${sources}\0${JSON.stringify(pipeline)}`)
    .digest('hex')
  if (read(join(outdir, MADE_OF)) === madeOf) return outdir
  // Another process makes the files. If this process is killed, the other process goes on for a moment. So it writes into
  // a folder of its own, and a new start can't use or disturb its incomplete files.
  const unfinished = makeUnfinished(dirname(outdir))
  try {
    const { backend } = pipeline.queue
    await inProcess({ ...request, outdir: unfinished, sources, backend, pipeline: JSON.stringify(pipeline) })
    // The files of bundles are readable for all users, because Lambda needs this. In the local system, only the owner of
    // the data folder reads them. So the other users lose this right.
    closeTree(unfinished)
    writeFileSync(join(unfinished, MADE_OF), madeOf, { mode: 0o600 })
    rmSync(outdir, { recursive: true, force: true })
    renameSync(unfinished, outdir)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  return outdir
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

async function inProcess(input: SynthesizeInput): Promise<void> {
  const folder = await compiledProcess()
  const file = folder ? join(folder, COMPILED) : fileURLToPath(moduleBeside(import.meta.url, 'synthesize-process'))
  try {
    await answerOf(file, input)
  } finally {
    if (folder) rmSync(folder, { recursive: true, force: true })
  }
}

const COMPILED = 'synthesize-process.cjs'

/**
 * Compiles the code of the synthesis process to CommonJS, in a new folder. This saves a second of CPU time: if an ES module imports the
 * CDK, Node reads each export and so loads all parts of the CDK. A CommonJS module loads only the parts that it uses. Resolves to undefined
 * in the npm package, which has no TypeScript, and if the code can't be compiled, for example in a read-only checkout.
 */
async function compiledProcess(): Promise<string | undefined> {
  if (IS_PACKAGE) return undefined
  let folder: string | undefined
  try {
    mkdirSync(CACHE, { recursive: true })
    folder = makeUnfinished(CACHE)
    await compile({
      entryPoints: [fileURLToPath(moduleBeside(import.meta.url, 'synthesize-process'))],
      outfile: join(folder, COMPILED),
      format: 'cjs',
      define: { 'import.meta.url': 'moduleUrl' },
      plugins: [{ name: 'module-urls', setup: ({ onLoad }) => onLoad({ filter: /\.ts$/ }, withUrl) }],
    })
    return folder
  } catch {
    if (folder) rmSync(folder, { recursive: true, force: true })
    return undefined
  }
}

/**
 * Adds the constant `moduleUrl` with the URL of its source file to a module. It replaces `import.meta.url`, because CommonJS
 * has no `import.meta`. The constant names the source file, because the compiled code is in another folder.
 */
const withUrl = ({ path }: { path: string }) => ({
  contents: `const moduleUrl = ${JSON.stringify(pathToFileURL(path).href)}\n${readFileSync(path, 'utf8')}`,
  loader: 'ts' as const,
})

async function answerOf(file: string, input: SynthesizeInput): Promise<void> {
  const child = fork(file, { execArgv: [] })
  const kill = () => child.kill('SIGKILL')
  // If the start is refused, this process ends. Then the other process must end, too.
  process.once('exit', kill)
  const ended = once(child, 'exit').then(([code, signal]) => ({ failed: `the synthesis ended with ${code ?? signal}` }))
  child.send(input)
  const answered: Promise<SynthesizeMessage[]> = once(child, 'message')
  const message = await Promise.race([answered.then(([first]) => first), ended])
  process.off('exit', kill)
  if (child.connected) child.disconnect()
  if (message !== 'done') throw new Error(message?.failed)
}
