import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { main } from '../../../lib/cli/main.ts'
import { startTcpProxy } from '../../support/tcp-proxy.ts'
import { startTables } from './local-system.ts'

let system: Awaited<ReturnType<typeof startTables>>
beforeAll(async () => {
  system = await startTables()
})
afterAll(() => system.close())

/** Runs a command with --watch. `between` is called after each round except the last round. */
async function watched(
  line: string,
  between: readonly (() => Promise<unknown>)[],
  { colour = false, folder = system.folder } = {},
) {
  const controller = new AbortController()
  const waits: number[] = []
  let out = ''
  let err = ''
  const code = await main(line.split(' '), {
    env: { SLUICE_DATA: folder },
    colour,
    sleep: async ms => {
      waits.push(ms)
      const next = between[waits.length - 1]
      if (next) await next()
      else controller.abort()
    },
    interrupted: () => controller.signal,
    out: text => {
      out += text
    },
    err: text => {
      err += text
    },
  })
  return { code, out, err, waits }
}

const run = (line: string) => system.at('2026-11-23T12:00:00Z')(line)

describe('users list', () => {
  it('`users list` shows all users by their ids, with their limits', async () => {
    await run('users set u2 --plan pro')
    await run('users set u1 --tokens 7')
    await run('users disable u1')

    expect((await run('users list')).out).toBe(
      [
        'USER  PLAN  REQUESTS  TOKENS    IN FLIGHT  STATE',
        'u1    free  100       7         20         disabled',
        'u2    pro   100000    50000000  400        enabled',
        '',
      ].join('\n'),
    )
    expect(JSON.parse((await run('users list --json')).out)).toMatchObject([
      { user: 'u1' },
      { user: 'u2', plan: 'pro' },
    ])
  })
})

/** The local system of these tests behind a proxy, which can cut off the connection to its DynamoDB tables. */
async function behindProxy() {
  const { hostname, port } = new URL(system.local.endpoints.dynamodb)
  const proxy = await startTcpProxy({ host: hostname, port: Number(port) })
  const folder = mkdtempSync(join(tmpdir(), 'sluice-watch-'))
  onTestFinished(async () => {
    await proxy.close()
    rmSync(folder, { recursive: true })
  })
  cpSync(system.folder, folder, { recursive: true })
  const endpoints = { ...system.local.endpoints, dynamodb: `http://${proxy.host}` }
  writeFileSync(join(folder, 'local.json'), JSON.stringify({ ...system.local, endpoints }))
  return { folder, proxy }
}

describe('--watch', () => {
  it('`--watch` prints a list again and again until Ctrl-C, and exits with 0', async () => {
    const { code, out, waits } = await watched('users list --watch', [() => run('users set u3 --plan pro')])

    expect(code).toBe(0)
    expect(waits).toEqual([2_000, 2_000])
    expect(out.match(/^USER /gm)).toHaveLength(2)
    expect(out.match(/^u3 /gm)).toHaveLength(1)
  })

  it('`--watch` accepts the seconds between two rounds, and clears a terminal before each round', async () => {
    const { out, waits } = await watched('users list --watch 7', [], { colour: true })

    expect(waits).toEqual([7_000])
    expect(out.startsWith('\u001b[H\u001b[2J')).toBe(true)
  })

  it('`--watch` prints one line at the begin and one at the end of an outage, and reads at growing intervals during the outage', async () => {
    const { folder, proxy } = await behindProxy()

    const { code, out, err, waits } = await watched(
      'users list --watch',
      [proxy.cutOff, async () => undefined, proxy.restore],
      { folder },
    )

    expect(code).toBe(0)
    expect(out.match(/^USER /gm)).toHaveLength(2)
    expect(err).toMatch(
      /^the system can't be read now, and is tried again: the users table is unavailable: .*\nthe system can be read again\n$/,
    )
    expect(waits).toEqual([2_000, 4_000, 8_000, 2_000])
  })

  it('`--watch` ends the command if the local system no longer runs', async () => {
    const { folder, proxy } = await behindProxy()
    const stop = async () => {
      await proxy.close()
      rmSync(join(folder, 'local.json'))
    }

    const { code, err } = await watched('users list --watch', [stop, async () => undefined], { folder })

    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/error: no local system runs/) })
  })

  it.each<[string, string, (child: ChildProcessWithoutNullStreams) => unknown]>([
    ['after the reader of its output has closed the pipe', '1', child => child.stdout.destroy()],
    ['at once after Ctrl-C during a long wait', '9999', child => child.kill('SIGINT')],
  ])('`--watch` ends the process with exit code 0 %s', async (_when, seconds, stop) => {
    const child = spawn(process.execPath, ['bin/sluice.ts', 'users', 'list', '--watch', seconds], {
      env: { ...process.env, SLUICE_DATA: system.folder },
    })
    onTestFinished(() => void child.kill())
    let err = ''
    child.stderr.setEncoding('utf8').on('data', text => {
      err += text
    })
    await once(child.stdout, 'data')
    stop(child)

    const [code] = await once(child, 'close')

    expect({ code, err }).toEqual({ code: 0, err: '' })
  })

  it.each(['0', 'x', '1.5'])('`--watch` refuses an interval of %s seconds', async seconds => {
    expect((await run(`users list --watch ${seconds}`)).code).toBe(2)
  })
})
