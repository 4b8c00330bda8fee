import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, expect, it } from 'vitest'
import {
  bundleAll,
  bundleFunction,
  bundleSource,
  bundleTogether,
  type CommonEntryPoint,
  writeBundle,
} from '../../lib/bundle.ts'

const scratch = mkdtempSync(join(tmpdir(), 'sluice-bundle-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const PROJECT = {
  'functions/greeter/handler.ts': `
    import { readFileSync } from 'node:fs'
    import { shout } from 'shouting'
    import { greeting } from './greeting.ts'
    export const handler = async (name: string) => {
      const { settingsText } = await import('./late.ts')
      return shout(greeting(name)) + settingsText()
    }`,
  'functions/greeter/greeting.ts': "export const greeting = (name: string): string => 'hello ' + name",
  'functions/greeter/late.ts': `
    import { readFileSync } from 'node:fs'
    import { greeting } from './greeting.ts'
    export const settingsText = () => readFileSync(new URL('settings.json', import.meta.url), 'utf8') + greeting('late')`,
  'node_modules/shouting/package.json': '{ "name": "shouting", "main": "index.js" }',
  'node_modules/shouting/index.js':
    "const { format } = require('util'); exports.shout = t => format('%s!', t.toUpperCase())",
}

/** Writes a small project into a new folder, like a checkout of Sluice at this place. */
function checkout(folder: string): string {
  const root = join(scratch, folder)
  for (const [file, text] of Object.entries(PROJECT)) {
    mkdirSync(dirname(join(root, file)), { recursive: true })
    writeFileSync(join(root, file), text)
  }
  return root
}

it('a bundle runs without node_modules, also with CommonJS packages, imports at run time and settings', async () => {
  const root = checkout('one')
  const bundle = await bundleFunction('greeter', root)
  const folder = join(root, 'cdk.out', 'asset')
  writeBundle(bundle, folder, { file: 'settings.json', content: { a: 1 } })
  const { handler } = await import(pathToFileURL(join(folder, 'index.mjs')).href)
  expect(await handler('you')).toBe('HELLO YOU!{"a":1}hello late')
})

it('a bundle is the same, byte for byte, in any checkout', async () => {
  const here = await bundleFunction('greeter', checkout('one'))
  const there = await bundleFunction('greeter', checkout('somewhere/much/deeper'))
  expect(there.hash).toBe(here.hash)
  expect(there.files).toEqual(here.files)
})

/**
 * The files of a bundle that a cold start loads: the entry, and all files that it imports statically, directly or through other
 * files. Files that are only imported at run time, by `import()`, are left out.
 */
function loadedAtStart(
  files: ReadonlyMap<string, Uint8Array>,
  name = 'index.mjs',
  seen = new Set<string>(),
): Set<string> {
  if (seen.has(name)) return seen
  seen.add(name)
  const text = Buffer.from(files.get(name) ?? []).toString()
  for (const [, file] of text.matchAll(/(?:from|import)\s*"\.\/([\w-]+\.mjs)"/g))
    loadedAtStart(files, String(file), seen)
  return seen
}

it('the gateway loads less than 750 KB at its start, and neither the S3 client nor credential providers that Lambda does not need', async () => {
  const { files } = (await bundleAll()).gateway
  const atStart = loadedAtStart(files)
  const bytes = [...atStart].reduce((sum, name) => sum + (files.get(name)?.length ?? 0), 0)
  expect(bytes).toBeGreaterThan(100_000)
  expect(bytes).toBeLessThan(750_000)
  expect([...atStart].filter(name => /^(s3-|sso|sts|loadSso)/.test(name))).toEqual([])
  expect([...files.keys()].filter(name => name.startsWith('s3-'))).not.toEqual([])
})

/**
 * The KB that a cold start of each function may load. Each limit is at most a quarter above the real size. A change that needs
 * more raises the limit here, and gives the reason.
 */
const MOST_AT_START: Readonly<Record<CommonEntryPoint, number>> = {
  authorizer: 362,
  gateway: 631,
  intake: 592,
  reader: 541,
  worker: 674,
  collector: 510,
  sweeper: 471,
  retention: 338,
  migrator: 366,
}

it('each function loads at most the code of its limit in MOST_AT_START when it starts', async () => {
  const bundles = await bundleAll()
  const sizes = Object.entries(MOST_AT_START).map(([name, most]) => {
    const { files } = bundles[name as CommonEntryPoint]
    const kb = [...loadedAtStart(files)].reduce((sum, file) => sum + (files.get(file)?.length ?? 0), 0) / 1_000
    return { name, most, kb }
  })

  expect(Object.keys(bundles).sort()).toEqual(Object.keys(MOST_AT_START).sort())
  expect(sizes.filter(({ kb, most }) => kb > most)).toEqual([])
  // A limit far above the real size would not notice when a function grows. So each function must need 80% of its limit.
  expect(sizes.filter(({ kb, most }) => kb < 0.8 * most)).toEqual([])
})

it('the local system’s bundles, which are made together and share files, have all packages of a deployment’s bundles, and load hardly more code at the start', async () => {
  const [together, alone] = [await bundleTogether(), await bundleAll()]

  for (const [name, bundle] of Object.entries(alone)) {
    const { files, packages } = together[name as CommonEntryPoint]
    expect(packages).toEqual(expect.arrayContaining([...bundle.packages]))
    const atStart = [...loadedAtStart(files)]
    expect(atStart.filter(file => !files.has(file))).toEqual([])
    const bytes = atStart.reduce((sum, file) => sum + (files.get(file)?.length ?? 0), 0)
    // A file that several functions share may have code that one of them does not need. For example, the authorizer gets an SQS
    // client. So the limit is a fifth higher.
    expect(bytes / 1_000).toBeLessThan(1.2 * MOST_AT_START[name as CommonEntryPoint])
    expect(atStart.filter(file => /^(s3-|sandbox-)/.test(file))).toEqual([])
  }
})

it('files that several bundles share are written to the disk once, and each bundle still has all of its files', async () => {
  const { collector, reader } = await bundleTogether()
  const [one, other] = [join(scratch, 'links', 'one'), join(scratch, 'links', 'other')]
  writeBundle(collector, one)
  writeBundle(reader, other)

  for (const [name, contents] of reader.files) expect(readFileSync(join(other, name))).toEqual(Buffer.from(contents))
  const shared = [...reader.files.keys()].filter(name => name !== 'index.mjs' && collector.files.has(name))
  expect(shared.length).toBeGreaterThan(20)
  for (const name of shared) expect(statSync(join(one, name)).ino).toBe(statSync(join(other, name)).ino)
})

it('a bundle of the local system can evaluate expressions in a separate thread, which stops endless expressions', async () => {
  const { gateway } = await bundleTogether()
  const folder = join(scratch, 'together')
  writeBundle(gateway, folder)
  const [sandbox = ''] = [...gateway.files.keys()].filter(name => /^sandbox-.*mjs$/.test(name))
  const { evaluateInThread } = await import(pathToFileURL(join(folder, sandbox)).href)

  expect(await evaluateInThread('a + 1', { a: 1 })).toBe('2')
})

it('a bundle evaluates a JSONata expression that may be endless in a separate thread, and loads the thread’s code only then', async () => {
  const bundle = await bundleSource("export * from './functions/core/expressions/expression.ts'")
  const folder = join(scratch, 'jsonata')
  writeBundle(bundle, folder)
  const { compileExpression } = await import(pathToFileURL(join(folder, 'index.mjs')).href)
  const endless = compileExpression('$contains(prompt, /^(a+)+$/)')

  await expect(endless({ prompt: `${'a'.repeat(50)}b` })).rejects.toThrow('takes over 2000 ms')
  expect(await endless({ prompt: 'aaa' })).toBe(true)
  expect([...loadedAtStart(bundle.files)].filter(name => name.startsWith('thread-'))).toEqual([])
})
