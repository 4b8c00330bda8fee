import { execFile } from 'node:child_process'
import { lstatSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ENTRY_POINTS } from '../../lib/bundle.ts'
import { readAssembly } from '../../lib/local/assembly.ts'
import { render, variablesOf } from './queries.ts'
import { PIPELINE } from './synthesized.ts'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))

/** A pipeline whose features need all functions. */
const COMPLETE = PIPELINE.replace(
  'store_prompts: false,',
  'store_prompts: false, retention: { ledger: 90d, payloads: 30d },',
).concat('inputs: [{ queue: nightly-prompts }]\n')

const scratch = mkdtempSync(join(tmpdir(), 'sluice-assets-'))
const out = join(scratch, 'out')
afterAll(() => rmSync(scratch, { recursive: true, force: true }))
beforeAll(async () => {
  const config = join(scratch, 'pipeline.yaml')
  writeFileSync(config, COMPLETE)
  // The umask 077 makes files that only their owner can read. Some users have this umask.
  const env = { PATH: process.env.PATH, SLUICE_CONFIG: config, CDK_OUTDIR: out }
  await run('sh', ['-c', 'umask 077; exec "$0" bin/app.ts', process.execPath], { cwd: root, env })
})

function assets() {
  const { template, assetFolder } = readAssembly(out)
  return Object.values(template.Resources)
    .filter(({ Type }) => Type === 'AWS::Lambda::Function')
    .map(fn => {
      const { S3Key } = fn.Properties.Code as { S3Key: string }
      const variables = Object.entries(variablesOf(fn)).map(([name, value]): [string, string] => [name, render(value)])
      return { folder: assetFolder(S3Key) ?? '', variables: Object.fromEntries(variables) }
    })
}

describe('a synthesis with the umask 077', () => {
  it('has code for each function, with a worker for each of the two models', () => {
    expect(assets()).toHaveLength(ENTRY_POINTS.length + 1)
  })

  it('makes code files that every user can read, since Lambda runs functions as another user', () => {
    const files = assets().flatMap(({ folder }) => readdirSync(folder).map(name => join(folder, name)))
    const modes = files.map(file => (lstatSync(file).mode & 0o777).toString(8))
    expect(new Set(modes)).toEqual(new Set(['644']))
    expect(files.length).toBeGreaterThan(2 * ENTRY_POINTS.length)
  })

  it('has handlers that Node 24 can import from another folder, and that have no callback', async () => {
    const handlers = assets().map(async ({ folder, variables }) => {
      const url = pathToFileURL(join(folder, 'index.mjs')).href
      const script = `const { handler } = await import('${url}'); process.stdout.write(typeof handler + handler.length)`
      const env = { ...variables, AWS_REGION: 'us-east-1' }
      const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: scratch, env })
      return stdout
    })
    // Lambda on Node 24 refuses a handler with three parameters, since callbacks (the third parameter) are not supported.
    for (const handler of await Promise.all(handlers)) expect(handler).toMatch(/^function[0-2]$/)
    expect(process.version).toMatch(/^v24\./)
  })
})
