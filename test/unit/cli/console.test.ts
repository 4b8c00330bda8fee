import { once } from 'node:events'
import { createServer } from 'node:net'
import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { main } from '../../../lib/cli/main.ts'
import { mockClient } from '../../support/mock-client.ts'
import { OUTPUTS, startTables } from './local-system.ts'

let system: Awaited<ReturnType<typeof startTables>>
beforeAll(async () => {
  system = await startTables()
})
afterAll(() => system.close())

/** Starts `sluice console`, and resolves with the printed address. */
async function startConsole(...options: string[]) {
  const controller = new AbortController()
  const printed = Promise.withResolvers<string>()
  let err = ''
  const ended = main(['console', ...options], {
    env: { SLUICE_DATA: system.folder },
    interrupted: () => controller.signal,
    out: text => printed.resolve(text),
    err: text => {
      err += text
    },
  })
  const out = await Promise.race([printed.promise, ended.then(code => Promise.reject(new Error(`${code}: ${err}`)))])
  return { out, ended, interrupt: () => controller.abort() }
}

function call(url: URL, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(new URL(path, url.origin), { headers })
}

describe('sluice console', () => {
  it('`sluice console` serves the page and the operator API on 127.0.0.1 until Ctrl-C, and only to callers with the token', async () => {
    const { out, ended, interrupt } = await startConsole()
    const url = new URL(out.trim())
    const authorization = `Bearer ${url.searchParams.get('token')}`

    expect(url.hostname).toBe('127.0.0.1')
    const page = await fetch(url)
    expect([page.status, page.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/html')])
    const users = await call(url, '/console/api/users', { authorization })
    expect([users.status, await users.json()]).toEqual([200, { users: [], total: 0 }])
    expect((await call(url, '/console/api/users')).status).toBe(401)
    expect((await call(url, '/console')).status).toBe(401)
    expect((await call(url, '/console/api/users', { authorization, origin: 'http://127.0.0.1:1' })).status).toBe(403)

    interrupt()
    expect(await ended).toBe(0)
    await expect(fetch(url)).rejects.toThrow('fetch failed')
  })

  it('`sluice console` prints its address as JSON with --json', async () => {
    const { out, ended, interrupt } = await startConsole('--json')
    interrupt()

    expect(JSON.parse(out)).toEqual({ url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/console\?token=/) })
    expect(await ended).toBe(0)
  })

  it('`sluice console` prints one line of error if its port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    onTestFinished(() => void other.close())
    await once(other, 'listening')
    const address = other.address()
    const port = typeof address === 'object' ? address?.port : undefined

    await expect(startConsole('--port', String(port))).rejects.toThrow(
      `1: error: the port ${port} can't be used: choose another one with --port`,
    )
  })

  it.each(['-1', '65536', 'x'])('`sluice console` refuses the port %s as wrong usage', async port => {
    await expect(startConsole('--port', port)).rejects.toThrow(/^2: .*It is a number from 0 to 65535\./)
  })

  it('`sluice console --target aws` serves the console of the deployed stack', async () => {
    for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) vi.stubEnv(name, 'test')
    vi.stubEnv('AWS_REGION', 'eu-west-1')
    const cloudFormation = mockClient(CloudFormationClient)
    onTestFinished(() => {
      cloudFormation.restore()
      vi.unstubAllEnvs()
    })
    const Outputs = Object.entries(OUTPUTS).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue }))
    cloudFormation.on(DescribeStacksCommand, { StackName: 'shop' }).resolves({
      Stacks: [{ StackName: 'shop', CreationTime: new Date(0), StackStatus: 'UPDATE_COMPLETE', Outputs }],
    })

    const { out, ended, interrupt } = await startConsole('--target', 'aws', '--stack', 'shop')
    const url = new URL(out.trim())
    const authorization = `Bearer ${url.searchParams.get('token')}`
    const answer = await call(url, '/console/api/system', { authorization })

    expect(await answer.json()).toMatchObject({ target: 'aws', name: 'shop' })
    interrupt()
    expect(await ended).toBe(0)
  })
})
