import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { setUser } from '../../lib/cli/operations/users.ts'
import { type OpenAiEndpoint, startOpenAiEndpoint } from '../e2e/support/openai-endpoint.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'sluice-sdk-'))
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const python = join(folder, 'venv/bin/python')

let endpoint: OpenAiEndpoint
let system: RunningSystem

beforeAll(async () => {
  await run('python3', ['-m', 'venv', join(folder, 'venv')])
  await run(python, ['-m', 'pip', 'install', '--quiet', '-r', here('requirements.txt')])
  copyFileSync(here('package.json'), join(folder, 'package.json'))
  copyFileSync(here('clients/javascript.mjs'), join(folder, 'javascript.mjs'))
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder })
  endpoint = await startOpenAiEndpoint()
  system = await startSystem({ SLUICE_CONFIG: fixture('openai.yaml'), OPENAI_URL: endpoint.url })
})

afterAll(async () => {
  await system?.stop()
  endpoint?.close()
  rmSync(folder, { recursive: true })
})

async function asUser(user: string) {
  await setUser(system.admin, user, {})
  const { created } = await createKey(system.admin, { user })
  return { ...process.env, SLUICE_URL: system.apiUrl, SLUICE_KEY: created.key }
}

test("OpenAI's SDK for Python and LangChain get their answers, and the errors of their classes", async () => {
  const { stdout } = await run(python, [here('clients/python.py')], { env: await asUser('python') })

  expect(JSON.parse(stdout)).toEqual({
    models: ['gpt', 'chat-only', 'responses-only', 'plain', 'text'],
    chat: 'said by chat',
    stream: 'said by chat',
    response: 'said by responses',
    background: ['queued', 'completed', 'said by responses'],
    completion: 'completed',
    embedding: [0, 0.5, -0.25],
    langchain: 'said by chat',
    errors: [
      ['NotFoundError', 'model_not_found', 'model', 'invalid_request_error'],
      ['BadRequestError', 'unsupported_parameter', 'n', 'invalid_request_error'],
      ['ConflictError', 'already_ended', null, 'invalid_request_error'],
      ['AuthenticationError', 'invalid_api_key', null, 'invalid_request_error'],
    ],
  })
})

test('the Vercel AI SDK and LangChain for JavaScript get their answers', async () => {
  const { stdout } = await run(process.execPath, [join(folder, 'javascript.mjs')], { env: await asUser('javascript') })

  expect(JSON.parse(stdout)).toEqual({
    text: 'said by chat',
    streamed: 'said by chat',
    embedding: [0, 0.5, -0.25],
    langchain: 'said by chat',
  })
})

test('schemathesis finds no answer outside of the OpenAPI document, and no 500', async () => {
  const { SLUICE_KEY, ...env } = await asUser('schemathesis')
  const checks = 'not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance'
  const { stdout } = await run(
    join(folder, 'venv/bin/schemathesis'),
    [
      ...['run', `${system.apiUrl}/openapi.json`, '--url', system.apiUrl, '--checks', checks],
      ...['--header', `Authorization: Bearer ${SLUICE_KEY}`, '--max-examples', '20', '--phases', 'examples,fuzzing'],
      '--generation-deterministic',
    ],
    { env, maxBuffer: 1e8 },
  ).catch(error => ({ stdout: String(error.stdout) }))

  expect(stdout).not.toMatch(/FAILURES|ERRORS/)
})
