import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import type { Pipeline } from './config/schema.ts'
import { closeTree } from './local/data-folder.ts'
import { moduleBeside } from './local/module-beside.ts'
import { hashOfSources } from './sources.ts'
import type { SynthesizeInput, SynthesizeMessage } from './synthesize-thread.ts'

type Request = Omit<SynthesizeInput, 'sources' | 'backend' | 'pipeline'> & { readonly pipeline: Pipeline }

/** The file that is written last. A folder without it is unfinished. */
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
  rmSync(outdir, { recursive: true, force: true })
  await inThread({ ...request, sources, backend: pipeline.queue.backend, pipeline: JSON.stringify(pipeline) })
  // Lambda needs files that everybody can read. In the local system, only the owner of the data folder needs them.
  closeTree(outdir)
  writeFileSync(join(outdir, MADE_OF), madeOf, { mode: 0o600 })
  return outdir
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

async function inThread(workerData: SynthesizeInput): Promise<void> {
  const worker = new Worker(moduleBeside(import.meta.url, 'synthesize-thread'), { workerData })
  const [message]: SynthesizeMessage[] = await once(worker, 'message')
  if (message !== 'done') throw new Error(message?.failed)
}
