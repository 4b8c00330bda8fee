import { readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { main } from '../../../lib/cli/main.ts'
import { startTables } from './local-system.ts'

const ID = '019ab000-0000-7000-8000-000000000001'

let system: Awaited<ReturnType<typeof startTables>>
let asked: { method: string; url: string; key: string; body: unknown }[]
let answers: (readonly [number, object])[]

/** A stand-in for the API. It answers each call with the next answer of a list. */
const api = createServer(async (request: IncomingMessage, response) => {
  const { method = '', url = '', headers } = request
  const body = method === 'POST' ? await json(request) : undefined
  asked.push({ method, url, key: String(headers['x-api-key']), body })
  const [status, answer] = answers.shift() ?? [500, {}]
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
})

beforeAll(async () => {
  system = await startTables()
  await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve))
  const file = join(system.folder, 'local.json')
  const local = JSON.parse(readFileSync(file, 'utf8'))
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`
  writeFileSync(file, JSON.stringify({ ...local, outputs: { ...local.outputs, ApiUrl: url } }))
})
afterAll(async () => {
  api.close()
  await system.close()
})
beforeEach(() => {
  asked = []
  answers = []
})

async function sluice(argv: readonly string[], stdin?: string) {
  let out = ''
  let err = ''
  const code = await main(argv, {
    env: { SLUICE_DATA: system.folder },
    sleep: async () => undefined,
    ...(stdin !== undefined && { readInput: async () => stdin }),
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
  })
  return { code, out, err }
}

const QUEUED = [202, { request_id: ID, status: 'queued', model: 'text' }] as const
const keysLeft = async () => JSON.parse((await sluice(['keys', 'list', '--json'])).out)

describe('submit', () => {
  it('`submit` posts a prompt with a key of the user, and deletes the key afterwards', async () => {
    answers.push(QUEUED)

    const { code, out } = await sluice(['submit', 'Hello', '--user', 'u1', '--model', 'text', '--priority', 'high'])

    expect(code).toBe(0)
    expect(out).toMatch(new RegExp(`^request +${ID}\nmodel +text\nstatus +queued\n`))
    expect(asked).toEqual([
      {
        method: 'POST',
        url: '/v1/inference',
        key: expect.stringMatching(/^sk_sluice_/),
        body: { prompt: 'Hello', model: 'text', priority: 'high' },
      },
    ])
    expect(await keysLeft()).toEqual([])
    expect((await sluice(['users', 'show', 'u1'])).code).toBe(0)
  })

  it.each([[['submit', '-']], [['submit']]])('`submit` reads the prompt from stdin: %s', async argv => {
    answers.push(QUEUED)

    await sluice(argv, 'From a file\n')

    expect(asked[0]?.body).toEqual({ prompt: 'From a file' })
  })

  it('`submit` waits for the end of the request, and prints the result', async () => {
    const running = [200, { request_id: ID, status: 'running' }] as const
    answers.push(QUEUED, running, [200, { request_id: ID, status: 'completed', result: { answer: 42 } }])

    const { code, out } = await sluice(['submit', 'Hello', '--wait'])

    expect(code).toBe(0)
    expect(out).toMatch(/^result +\{"answer":42\}$/m)
    expect(asked.slice(1).map(({ url }) => url)).toEqual(Array(2).fill(`/v1/inference/${ID}?wait=10`))
  })

  it("`submit` fails with the model's own error text if the request fails", async () => {
    const error = { code: 'model_error', message: 'the model answered 500', detail: 'out of memory' }
    answers.push(QUEUED, [200, { request_id: ID, status: 'failed', error }])

    expect(await sluice(['submit', 'Hello', '--wait'])).toMatchObject({
      code: 1,
      err: 'error: the request is failed: model_error: the model answered 500: out of memory\n',
    })
  })

  it('`submit` prints why the API refuses the request, and deletes the key that it has made', async () => {
    answers.push([429, { error: 'token quota exceeded', code: 'quota_exceeded' }])

    expect(await sluice(['submit', 'Hello'])).toEqual({
      code: 1,
      out: '',
      err: 'error: the API answered 429: token quota exceeded\n',
    })
    expect(await keysLeft()).toEqual([])
  })

  it.each([
    [['submit', ' '], undefined],
    [['submit'], undefined],
    [['submit', '-'], '\n'],
  ])('`submit` refuses an empty prompt: %s', async (argv, stdin) => {
    expect(await sluice(argv, stdin)).toMatchObject({ code: 1, out: '' })
    expect(asked).toEqual([])
  })
})
