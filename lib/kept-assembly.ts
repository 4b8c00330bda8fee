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

/** The file that is written last. A folder of an earlier version that is unfinished lacks it. */
const MADE_OF = 'made-of'

/**
 * Synthesizes a pipeline file into `outdir`, unless the folder has the result of the same pipeline and the same sources
 * from an earlier start. Resolves to the folder with the template and its assets. Synthesis takes some seconds.
 */
export async function keptAssembly({ pipeline, ...request }: Request): Promise<string> {
  const { outdir } = request
  const sources = hashOfSources()
  const madeOf = createHash('sha256')
    .update(`${sources}\0${JSON.stringify(pipeline)}`)
    .digest('hex')
  if (read(join(outdir, MADE_OF)) === madeOf) return outdir
  // If this process is killed, the other one goes on for a moment. So it writes into a folder that nobody else uses.
  const unfinished = makeUnfinished(dirname(outdir))
  try {
    const { backend } = pipeline.queue
    await inProcess({ ...request, outdir: unfinished, sources, backend, pipeline: JSON.stringify(pipeline) })
    // Lambda needs files that everybody can read. In the local system, only the owner of the data folder needs them.
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
 * Compiles the process's code to CommonJS, in a new folder. An ES module that imports the CDK loads all of its parts, because Node reads each
 * of its exports, and CommonJS loads only the parts that are used. That saves a second of a core. Resolves to undefined in the npm package,
 * which has no TypeScript, and if the code can't be compiled, for example in a checkout that is read-only.
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

/** A module with its own URL in `moduleUrl`. CommonJS has no `import.meta`, and the compiled code is in another folder. */
const withUrl = ({ path }: { path: string }) => ({
  contents: `const moduleUrl = ${JSON.stringify(pathToFileURL(path).href)}\n${readFileSync(path, 'utf8')}`,
  loader: 'ts' as const,
})

async function answerOf(file: string, input: SynthesizeInput): Promise<void> {
  const child = fork(file, { execArgv: [] })
  const kill = () => child.kill('SIGKILL')
  // A start that is refused ends this process, and must leave none.
  process.once('exit', kill)
  const ended = once(child, 'exit').then(([code, signal]) => ({ failed: `the synthesis ended with ${code ?? signal}` }))
  child.send(input)
  const answered: Promise<SynthesizeMessage[]> = once(child, 'message')
  const message = await Promise.race([answered.then(([first]) => first), ended])
  process.off('exit', kill)
  if (child.connected) child.disconnect()
  if (message !== 'done') throw new Error(message?.failed)
}
