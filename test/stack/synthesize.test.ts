import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { CloudAssembly } from 'aws-cdk-lib/cx-api'
import { afterAll, describe, expect, it } from 'vitest'
import { ConfigError } from '../../lib/config/finding.ts'
import { synthesize } from '../../lib/synthesize.ts'
import { createLocalApp, synthesizeInto } from '../../lib/synthesize-into.ts'
import { functionOf, ofType, render, variablesOf } from './queries.ts'
import { assetFolder, type Template } from './synthesized.ts'

const run = promisify(execFile)

const scratch = mkdtempSync(join(tmpdir(), 'sluice-synthesize-'))
afterAll(() => rmSync(scratch, { recursive: true, force: true }))

const config = fileURLToPath(new URL('../../pipeline.yaml', import.meta.url))

describe('the synthesis of the pipeline.yaml of the repository', async () => {
  const { assembly, stackName } = await synthesize({
    config,
    env: { TEXT_MODEL_URL: 'http://127.0.0.1:9/predict' },
    outdir: join(scratch, 'out'),
  })
  const file = readFileSync(join(assembly, `${stackName}.template.json`), 'utf8')
  const template: Template = JSON.parse(file)

  it('has code for each function, which can be imported with the function’s environment variables and exports a handler', async () => {
    const functions = ofType(template, 'AWS::Lambda::Function')
    const starts = functions.map(fn => {
      const url = pathToFileURL(join(assetFolder(assembly, fn.Properties), 'index.mjs')).href
      const variables = Object.entries(variablesOf(fn)).map(([name, value]) => [name, render(value)])
      const script = `const { handler } = await import('${url}'); process.stdout.write(typeof handler)`
      const env = { ...Object.fromEntries(variables), AWS_REGION: 'us-east-1' }
      return run(process.execPath, ['--input-type=module', '--eval', script], { env })
    })
    for (const { stdout } of await Promise.all(starts)) expect(stdout).toBe('function')
    expect(functions).toHaveLength(7)
  })

  it('the local system’s synthesis skips the validations, and gives the same template as a deployment’s', async () => {
    const env = { TEXT_MODEL_URL: 'http://127.0.0.1:9/predict' }
    const local = await synthesizeInto(createLocalApp(join(scratch, 'local')), config, env)

    expect(readFileSync(join(local.assembly, `${stackName}.template.json`), 'utf8')).toBe(file)
    expect(existsSync(join(assembly, 'validation-report.json'))).toBe(true)
    expect(existsSync(join(local.assembly, 'validation-report.json'))).toBe(false)
  })

  it('a synthesis replaces variables of the pipeline file by values of the given environment', () => {
    const folder = assetFolder(assembly, functionOf(template, 'worker-text').Properties)
    const settings = JSON.parse(readFileSync(join(folder, 'settings.json'), 'utf8'))
    expect(settings.endpoint.url).toBe('http://127.0.0.1:9/predict')
  })

  it('the template has no paths of the machine that synthesizes it, and the synthesis needs no AWS account', () => {
    expect(file).not.toContain(tmpdir())
    expect(file).not.toContain(fileURLToPath(new URL('../..', import.meta.url)))
    const { missing } = JSON.parse(readFileSync(join(assembly, 'manifest.json'), 'utf8'))
    expect(missing).toBeUndefined()
  })
})

it('a value in a pipeline file that looks like a secret causes a warning of the CDK’s command line, without the value', async () => {
  const withSecret = join(scratch, 'with-secret.yaml')
  const headers = `timeout: 60s\n      headers: { X-Api-Key: "\${MODEL_KEY}" }`
  writeFileSync(withSecret, readFileSync(config, 'utf8').replace('timeout: 60s', headers))
  const env = { TEXT_MODEL_URL: 'https://models.example.com/predict', MODEL_KEY: 'hunter2' }

  const { assembly, stackName } = await synthesize({ config: withSecret, env, outdir: join(scratch, 'warned') })

  const { messages } = new CloudAssembly(assembly).getStackByName(stackName)
  const warnings = messages.filter(({ level }) => level === 'warning').map(({ entry }) => String(entry.data))
  const where = /with-secret\.yaml:\d+:\d+: warning: models\.text\.endpoint\.headers\.X-Api-Key has \$\{MODEL_KEY\}/
  expect(warnings).toEqual([expect.stringMatching(where)])
  expect(JSON.stringify(messages)).not.toContain('hunter2')
})

it('a synthesis refuses an invalid pipeline file before it bundles any code', async () => {
  await expect(synthesize({ config: join(scratch, 'absent.yaml'), env: {}, outdir: scratch })).rejects.toThrow(
    ConfigError,
  )
})
