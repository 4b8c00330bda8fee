import { cpSync, globSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { synthesize } from '../../lib/synthesize.ts'
import packageJson from '../../package.json' with { type: 'json' }
import { newFolder, ROOT, sh, startIn } from './folder.ts'

/** The highest size of the archive. It has 8.2 MB. Most of them are the code of the functions with source maps, once per queue backend. */
const MAX_BYTES = 9_000_000

const folder = newFolder()
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const read = (file: string): string => readFileSync(join(folder, file), 'utf8')
const readJson = (file: string): Record<string, unknown> => JSON.parse(read(file))
const archive = `sluice-${packageJson.version}.tgz`

beforeAll(async () => {
  await sh(ROOT, `npm pack --pack-destination ${folder}`)
  await sh(folder, `npm install --no-audit --no-fund ./${archive}`)
})

describe('the npm package in an empty folder:', () => {
  it('the package has less than 9 MB, and contains only compiled code', async () => {
    const names = (await sh(folder, `tar -tzf ${archive}`))
      .trim()
      .split('\n')
      .map(name => name.replace(/^package\//, ''))

    expect(statSync(join(folder, archive)).size).toBeLessThan(MAX_BYTES)
    expect(names.filter(name => /\.ts$/.test(name))).toEqual(['dist/lib/sluice.d.ts'])
    expect(names.filter(name => /^(test|\.ci|functions|lib)\//.test(name))).toEqual([])
    expect(names).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'dist/notices.txt', 'dist/console.json']))
  })

  it('the package installs no Node and no esbuild', () => {
    expect(globSync('node_modules/{.bin/node,.bin/esbuild,node-*-*/bin}', { cwd: folder })).toEqual([])
  })

  it('`sluice --version` prints the version of the package', async () => {
    expect(await sh(folder, 'npx sluice --version')).toBe(`${packageJson.version}\n`)
  })

  it('`sluice init` makes a CDK app, and changes nothing when it runs a second time', async () => {
    const { files } = JSON.parse(await sh(folder, 'npx sluice init --json'))
    const again = JSON.parse(await sh(folder, 'npx sluice init --json'))

    expect(files).toEqual({
      'pipeline.yaml': 'written',
      'cdk.json': 'written',
      'app.mjs': 'written',
      '.gitignore': 'written',
      'package.json': 'merged',
    })
    expect(again.files).toEqual(Object.fromEntries(Object.keys(files).map(file => [file, 'kept'])))
    expect(readJson('package.json')).toMatchObject({
      dependencies: { sluice: `file:${archive}`, ...packageJson.peerDependencies },
    })
    expect(await sh(folder, 'npx sluice config check')).toContain('pipeline.yaml is valid')
  })

  it('the package gives the app the same function code as a checkout, in files that Lambda may read', async () => {
    const app = read('app.mjs').replace("'Sluice', {", "'Default', {")
    writeFileSync(join(folder, 'default.mjs'), app)
    await sh(
      folder,
      'umask 077 && npx cdk synth --quiet && npx cdk synth --quiet --app "node default.mjs" -o default.out',
    )
    const checkout = newFolder()
    onTestFinished(() => rmSync(checkout, { recursive: true, force: true }))
    const { assembly } = await synthesize({ config: join(ROOT, 'pipeline.yaml'), env: {}, outdir: checkout })

    const resources = (template: string) => JSON.parse(readFileSync(template, 'utf8')).Resources
    const ours = resources(join(assembly, 'sluice.template.json'))
    expect(codeOf(resources(join(folder, 'default.out/sluice.template.json')))).toEqual(codeOf(ours))
    expect(Object.keys(codeOf(ours)).length).toBeGreaterThan(5)
    expect(Object.keys(resources(join(folder, 'cdk.out/sluice.template.json')))).toHaveLength(Object.keys(ours).length)
    const assets = globSync('cdk.out/asset.*/*', { cwd: folder })
    expect(assets.length).toBeGreaterThan(50)
    expect(assets.filter(asset => (statSync(join(folder, asset)).mode & 0o044) !== 0o044)).toEqual([])
  })

  it('the package can be imported from CommonJS', async () => {
    expect(await sh(folder, `node -p "typeof require('sluice').Sluice"`)).toBe('function\n')
  })

  it('the package has types with which a strict TypeScript app compiles, and which refuse wrong properties', async () => {
    writeFileSync(
      join(folder, 'app.ts'),
      `import { App, Stack } from 'aws-cdk-lib'
      import { User } from 'aws-cdk-lib/aws-iam'
      import { Sluice, type SluiceProps } from 'sluice'
      const props: SluiceProps = { pipeline: 'pipeline.yaml', env: { ...process.env, TEXT_MODEL_URL: undefined } }
      const sluice = new Sluice(new Stack(new App(), 'x'), 'Sluice', props)
      const url: string = sluice.apiUrl
      sluice.inputs['nightly']?.grantPurge(new User(sluice, 'Sender'))
      // @ts-expect-error the pipeline file is required
      new Sluice(new Stack(new App(), 'y'), 'Sluice', { env: {} })
      // @ts-expect-error it is internal
      const internal: SluiceProps = { pipeline: url, bundles: {} }
      `,
    )
    const options = '--strict --exactOptionalPropertyTypes --skipLibCheck --noEmit --module nodenext --target es2023'
    const types = join(ROOT, 'node_modules/@types')

    await sh(folder, `${join(ROOT, 'node_modules/.bin/tsc')} ${options} --types node --typeRoots ${types} app.ts`)
  })

  it('`sluice start` runs the whole system, answers the curl line that it prints, and exits with 0 after Ctrl-C', async () => {
    const system = await startIn(folder)
    onTestFinished(async () => void (await system.interrupt()))
    const [curl = ''] = /^curl .*$/m.exec(system.output) ?? []

    expect(await sh(folder, `${curl.replace('-i', '-si')} -H 'Prefer: wait=20'`)).toMatch(
      /^HTTP\/1.1 200 [\s\S]*"status":"completed"/,
    )
    const [, consoleUrl = ''] = /^console +(\S+)$/m.exec(system.output) ?? []
    expect(await (await fetch(consoleUrl)).text()).toContain('<title>Sluice console</title>')
    expect(await sh(folder, 'npx sluice reconcile')).toMatch(/^everything agrees/)
    expect(await sh(folder, 'npx sluice dead-letters redrive --model text')).toBe('Nothing was redriven.\n')
    expect(await system.interrupt()).toBe(0)
  })

  it('`sluice init` changes no existing setting of package.json, and adds the package with the right relative path', async () => {
    const other = join(folder, 'other')
    cpSync(join(folder, 'cdk.json'), join(other, 'cdk.json'))
    writeFileSync(join(other, 'package.json'), '{\n\t"name": "shop",\n\t"scripts": { "start": "node shop.js" }\n}\n')
    await sh(folder, 'npx sluice init other')

    expect(read('other/package.json')).toMatch(/^{\n\t"name": "shop",\n/)
    expect(readJson('other/package.json')).toMatchObject({
      scripts: { start: 'node shop.js', deploy: 'cdk deploy' },
      dependencies: { sluice: `file:../${archive}` },
    })
  })
})

/** The property `Code` of each function in a template. It contains the hash of the function's files, so equal values mean equal code. */
const codeOf = (resources: Record<string, { Type: string; Properties: { Code?: unknown } }>) =>
  Object.fromEntries(
    Object.entries(resources).flatMap(([id, { Type, Properties }]) =>
      Type === 'AWS::Lambda::Function' ? [[id, Properties.Code]] : [],
    ),
  )
