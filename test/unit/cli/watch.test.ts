import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { main } from '../../../lib/cli/main.ts'
import { startTables } from './local-system.ts'

let system: Awaited<ReturnType<typeof startTables>>
beforeAll(async () => {
  system = await startTables()
})
afterAll(() => system.close())

/** Runs a command with --watch; `between` is called after each round but the last. */
async function watched(line: string, between: readonly (() => Promise<unknown>)[], colour = false) {
  const controller = new AbortController()
  const waits: number[] = []
  let out = ''
  const code = await main(line.split(' '), {
    env: { SLUICE_DATA: system.folder },
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
    err: () => undefined,
  })
  return { code, out, waits }
}

const run = (line: string) => system.at('2026-11-23T12:00:00Z')(line)

describe('users list', () => {
  it('shows all users by their ids, with their limits', async () => {
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

describe('--watch', () => {
  it('prints a list again until Ctrl-C, which is no failure', async () => {
    const { code, out, waits } = await watched('users list --watch', [() => run('users set u3 --plan pro')])

    expect(code).toBe(0)
    expect(waits).toEqual([2_000, 2_000])
    expect(out.match(/^USER /gm)).toHaveLength(2)
    expect(out.match(/^u3 /gm)).toHaveLength(1)
  })

  it('takes the seconds between two rounds, and clears a terminal before each', async () => {
    const { out, waits } = await watched('users list --watch 7', [], true)

    expect(waits).toEqual([7_000])
    expect(out.startsWith('\u001b[H\u001b[2J')).toBe(true)
  })

  it.each(['0', 'x', '1.5'])('refuses %s seconds', async seconds => {
    expect((await run(`users list --watch ${seconds}`)).code).toBe(2)
  })
})
