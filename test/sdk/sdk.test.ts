import { execFile } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createKey } from '../../lib/cli/operations/keys.ts'
import { setUser } from '../../lib/cli/operations/users.ts'
import { type OpenAiEndpoint, startOpenAiEndpoint } from '../e2e/support/openai-endpoint.ts'
import { jsonOfSluice } from '../e2e/support/sluice.ts'
import { fixture, type RunningSystem, startSystem } from '../e2e/support/system.ts'

const run = promisify(execFile)
const folder = mkdtempSync(join(tmpdir(), 'sluice-sdk-'))
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const python = join(folder, 'venv/bin/python')

let endpoint: OpenAiEndpoint
let system: RunningSystem

async function installPython(): Promise<void> {
  await run('python3', ['-m', 'venv', join(folder, 'venv')])
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', here('requirements.txt')])
}

async function installJavaScript(): Promise<void> {
  copyFileSync(here('package.json'), join(folder, 'package.json'))
  copyFileSync(here('clients/javascript.mjs'), join(folder, 'javascript.mjs'))
  await run('npm', ['install', '--no-audit', '--no-fund', '--ignore-scripts'], { cwd: folder })
}

beforeAll(async () => {
  endpoint = await startOpenAiEndpoint()
  endpoint.refuse('break this', 500, { error: { message: 'overloaded' } })
  await Promise.all([installPython(), installJavaScript()])
  system = await startSystem({ SLUICE_CONFIG: fixture('openai.yaml'), OPENAI_URL: endpoint.url })
})

afterAll(async () => {
  await system?.stop()
  endpoint?.close()
  rmSync(folder, { recursive: true })
})

/** Creates a user with a key, and returns the environment variables of this user's client. */
async function aUser(user: string, plan = 'hundred') {
  await setUser(system.admin, user, { plan })
  const { created } = await createKey(system.admin, { user })
  const env = { ...process.env, SLUICE_URL: system.apiUrl, SLUICE_KEY: created.key }
  return { env, client: system.client(created.key) }
}

/** Runs a Python script of the folder clients, and returns the JSON that it prints. */
async function python3(name: string, env: NodeJS.ProcessEnv) {
  const { stdout } = await run(python, [here(`clients/python/${name}.py`)], { env })
  return JSON.parse(stdout)
}

describe.concurrent('the unmodified SDK of OpenAI for Python', () => {
  test('the SDK gets the answers of all operations, and its requests can be read through the inference API and by the operator', async () => {
    const { env, client } = await aUser('answers')

    const { id, ...answers } = await python3('answers', env)

    expect(answers).toEqual({
      models: ['gpt', 'chat-only', 'responses-only', 'serial', 'plain', 'vectors', 'text'],
      model: 'gpt',
      chat: 'said by chat',
      turns: '{"echo":"Be short.\\n\\nHi\\n\\nHello\\n\\nBye"}',
      image: 'said by chat',
      tools: ['weather'],
      streams: ['said by chat', '{"echo":"Hello"}'],
      bundled: [true, true],
      response: 'said by responses',
      'response stream': ['response.created', 'response.completed', 'said by responses'],
      background: [
        ['queued', 'completed', 'said by responses', true, true],
        ['queued', 'completed', 'said by chat', true, true],
      ],
      cancelled: { queued: ['queued', 'cancelled', 'cancelled'], running: ['cancelled', 'cancelled'] },
      completion: 'completed',
      embeddings: [
        [[0, 0.5, -0.25]],
        [
          [0, 0.5, -0.25],
          [1, 0.5, -0.25],
        ],
        [
          [0, 0.5, -0.25],
          [1, 0.5, -0.25],
        ],
      ],
    })
    expect((await client.send('GET', `/v1/inference/resp_${id}`)).body).toMatchObject({ request_id: id })
    expect(await jsonOfSluice(system, 'requests', 'show', `resp_${id}`)).toMatchObject({
      request_id: id,
      user: 'answers',
      status: 'completed',
    })
  })

  test('the SDK raises each error of Sluice as the right class, with type, parameter and code', async () => {
    const [{ env }, other] = [await aUser('errors', 'free'), await aUser('other')]
    const foreignId = await other.client.submit({ prompt: 'Hello', model: 'plain' })

    expect(await python3('errors', { ...env, FOREIGN_ID: foreignId })).toEqual([
      ['AuthenticationError', 401, 'invalid_request_error', null, 'invalid_api_key'],
      ['NotFoundError', 404, 'invalid_request_error', 'model', 'model_not_found'],
      ['NotFoundError', 404, 'invalid_request_error', null, 'not_found'],
      ['BadRequestError', 400, 'invalid_request_error', 'n', 'unsupported_parameter'],
      ['BadRequestError', 400, 'invalid_request_error', 'messages[0].role', 'invalid_value'],
      ['BadRequestError', 400, 'invalid_request_error', 'previous_response_id', 'unsupported_parameter'],
      ['PermissionDeniedError', 403, 'invalid_request_error', 'model', 'model_not_allowed'],
      ['ConflictError', 409, 'invalid_request_error', null, 'already_ended'],
      ['UnprocessableEntityError', 422, 'invalid_request_error', null, 'idempotency_mismatch'],
      ['InternalServerError', 502, 'server_error', null, 'model_failed'],
    ])
  })

  test('the SDK retries after an error about too many requests in flight, but not before the time in Retry-After', async () => {
    const { env } = await aUser('limits', 'single')

    expect(await python3('limits', env)).toEqual({
      full: ['RateLimitError', 429, 'requests', null, 'rate_limit_exceeded'],
      statuses: [429],
      waits: 0,
      early: 0,
      second: 'queued',
    })
  })

  test('a chat of 60 s with an Idempotency-Key completes after retries of the SDK, with one charge. Without a key, the call fails and is not retried', async () => {
    const { env, client } = await aUser('slow')

    expect(await python3('slow', env)).toEqual({
      keyed: 'said by chat',
      unkeyed: ['InternalServerError', 504, 'server_error', null, 'still_running'],
      retry: 'false',
      later: 'said by chat',
    })
    expect(await client.settledQuota()).toMatchObject({ requests: { used: 2 }, tokens: { used: 240 } })
  })

  test('LangChain, which uses the SDK, gets the answers of all operations', async () => {
    const { env } = await aUser('langchain')

    expect(await python3('chains', env)).toEqual({
      chat: 'said by chat',
      stream: 'said by chat',
      plain: '{"echo":"Hello"}',
      response: 'said by responses',
      tools: ['weather'],
      embedding: [0, 0.5, -0.25],
    })
  })
})

test('the Vercel AI SDK and LangChain for JavaScript get the answers of chats, streams and embeddings', async () => {
  const { env } = await aUser('javascript')

  const { stdout } = await run(process.execPath, [join(folder, 'javascript.mjs')], { env })

  expect(JSON.parse(stdout)).toEqual({
    text: 'said by chat',
    streamed: 'said by chat',
    embedding: [0, 0.5, -0.25],
    langchain: 'said by chat',
  })
})

test('if a user with a limit of 100 requests posts 200 responses at once with the SDK, exactly 100 are admitted', async () => {
  const { env, client } = await aUser('burst')

  expect(await python3('burst', env)).toEqual({
    admitted: 100,
    refused: { 'RateLimitError insufficient_quota': 100 },
  })
  expect(await client.settledQuota()).toMatchObject({ requests: { used: 100 } })
})
