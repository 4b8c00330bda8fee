import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { bundleTogether } from '../../lib/bundle.ts'
import { checkPipeline } from '../../lib/config/load.ts'
import { CACHE } from '../../lib/installation.ts'
import { keptAssembly } from '../../lib/kept-assembly.ts'
import { keptBundles } from '../../lib/kept-bundles.ts'
import { hashOfSources } from '../../lib/sources.ts'

const folder = mkdtempSync(join(tmpdir(), 'sluice-kept-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const outdir = join(folder, 'cdk.out')
const mark = join(outdir, 'mark')

/**
 * Prepares the assembly (the synthesized template and code) of the default pipeline with this address of the model. `isKept` says
 * whether the assembly of the last call was used again.
 */
async function prepare(url: string): Promise<{ template: string; isKept: boolean }> {
  const env = { TEXT_MODEL_URL: url }
  const { pipeline } = checkPipeline('pipeline.yaml', env)
  const assembly = await keptAssembly({ config: 'pipeline.yaml', env, pipeline, outdir })
  const isKept = existsSync(mark)
  writeFileSync(mark, '')
  return { template: readFileSync(join(assembly, 'sluice.template.json'), 'utf8'), isKept }
}

describe('a start of the local system', () => {
  it('uses the assembly of the last start if pipeline.yaml, its variables and the sources have not changed', async () => {
    const first = await prepare('http://127.0.0.1:8081/predict')
    expect(first.isKept).toBe(false)
    expect(await prepare('http://127.0.0.1:8081/predict')).toEqual({ ...first, isKept: true })
    expect(await prepare('http://127.0.0.1:8082/predict')).toMatchObject({ isKept: false })
  })

  it('synthesizes again if the last start was killed while it synthesized', async () => {
    await prepare('http://127.0.0.1:8081/predict')
    rmSync(join(outdir, 'made-of'))
    expect(await prepare('http://127.0.0.1:8081/predict')).toMatchObject({ isKept: false })
  })

  it('a start uses the stored bundles of the functions’ code if the sources have not changed; stored bundles are equal to new ones', async () => {
    const sources = hashOfSources()
    await keptBundles(sources)
    const kept = await keptBundles(sources)
    const made = await bundleTogether()

    const hashes = (bundles: typeof made) => Object.entries(bundles).map(([name, { hash }]) => [name, hash])
    expect(hashes(kept)).toEqual(hashes(made))
  })

  it('a start that stores bundles deletes the unfinished bundles of interrupted starts, if these are older than an hour', async () => {
    const sources = hashOfSources()
    rmSync(join(CACHE, `bundles-sqs-${sources}`), { recursive: true, force: true })
    for (const name of ['unfinished-old', 'unfinished-new']) mkdirSync(join(CACHE, name), { recursive: true })
    utimesSync(join(CACHE, 'unfinished-old'), 0, 0)

    await keptBundles(sources)

    expect(readdirSync(CACHE)).toContain('unfinished-new')
    expect(readdirSync(CACHE)).not.toContain('unfinished-old')
    rmSync(join(CACHE, 'unfinished-new'), { recursive: true })
  })
})
