import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import packageJson from '../../../package.json' with { type: 'json' }
import { sluice } from './local-system.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-init-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const init = (...argv: string[]) => sluice({}, '2026-11-23T12:00:00.000Z', 'init', ...argv)
const write = (file: string, text: string) => writeFileSync(join(folder, file), text)
const read = (file: string) => readFileSync(join(folder, file), 'utf8')
const readJson = (file: string) => JSON.parse(read(file))

describe('sluice init', () => {
  it('`sluice init` makes an app with a valid pipeline file in a new folder', async () => {
    const app = join(folder, 'shop/gateway')
    const { code, out, err } = await init(app)

    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(/^written {2}pipeline\.yaml\nwritten {2}cdk\.json\n/)
    expect(readdirSync(app).toSorted()).toEqual(['.gitignore', 'app.mjs', 'cdk.json', 'package.json', 'pipeline.yaml'])
    expect((await sluice({}, '2026-11-23T12:00:00.000Z', 'config', 'check', join(app, 'pipeline.yaml'))).code).toBe(0)
    expect(readJson('shop/gateway/cdk.json').app).toBe('node app.mjs')
  })

  it('`sluice init` keeps each existing file byte for byte', async () => {
    for (const file of ['pipeline.yaml', 'app.mjs', '.gitignore']) write(file, 'mine')
    write('cdk.json', '{ "app": "node app.mjs" }')
    await init(folder)

    for (const file of ['pipeline.yaml', 'app.mjs', '.gitignore']) expect(read(file)).toBe('mine')
    expect(read('cdk.json')).toBe('{ "app": "node app.mjs" }')
  })

  it('`sluice init` adds only missing parts to package.json, and keeps values, order and indentation', async () => {
    write(
      'package.json',
      '{\n    "name": "shop",\n    "private": false,\n    "scripts": {\n        "start": "node shop.js"\n    },\n    "devDependencies": {\n        "constructs": "10.9.0"\n    }\n}\n',
    )
    await init(folder)

    expect(read('package.json')).toMatch(/^\{\n {4}"name": "shop",\n/)
    expect(readJson('package.json')).toEqual({
      name: 'shop',
      private: false,
      scripts: { start: 'node shop.js', synth: 'cdk synth', deploy: 'cdk deploy' },
      dependencies: {
        sluice: expect.stringMatching(`^file:.*/sluice-${packageJson.version}\\.tgz$`),
        'aws-cdk-lib': packageJson.peerDependencies['aws-cdk-lib'],
      },
      devDependencies: { constructs: '10.9.0', 'aws-cdk': packageJson.dependencies['aws-cdk'] },
    })
    const merged = read('package.json')
    expect(JSON.parse((await init(folder, '--json')).out).files['package.json']).toBe('kept')
    expect(read('package.json')).toBe(merged)
  })

  it('`sluice init` does not change an existing app, and says what to add to it', async () => {
    write('cdk.json', '{ "app": "npx ts-node bin/shop.ts" }')
    const { out } = await init(folder)

    expect(existsSync(join(folder, 'app.mjs'))).toBe(false)
    expect(out).toContain("add new Sluice(stack, 'Sluice', { pipeline: 'pipeline.yaml' }) to one of its stacks")
  })

  it.each([
    ['{ "name": ', 'it is not JSON'],
    ['[]', 'Invalid input: expected object, received array'],
    ['{ "dependencies": { "sluice": 1 } }', 'expected string, received number'],
  ])('`sluice init` refuses an invalid package.json, and writes nothing: %s', async (text, reason) => {
    write('package.json', text)
    const { code, out, err } = await init(folder)

    expect({ code, out }).toEqual({ code: 1, out: '' })
    expect(err).toMatch(/^error: [^\n]*package\.json is not a package\.json: [^\n]*\n$/)
    expect(err).toContain(reason)
    expect(readdirSync(folder)).toEqual(['package.json'])
  })

  it('`sluice init` refuses a path that is a file instead of a folder', async () => {
    write('taken', '')
    const taken = join(folder, 'taken')

    expect(await init(taken)).toEqual({ code: 1, out: '', err: `error: ${taken} is a file: name a folder\n` })
  })
})

it('sluice --version prints the version of package.json', async () => {
  expect(await sluice({}, '2026-11-23T12:00:00.000Z', '--version')).toEqual({
    code: 0,
    out: `${packageJson.version}\n`,
    err: '',
  })
})
