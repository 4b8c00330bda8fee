import { execFileSync, spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { sluice } from './local-system.ts'

const run = (...argv: string[]) => sluice({}, '2026-11-23T12:00:00Z', ...argv)

describe('completion', () => {
  it.each([
    [['sluice', 'ke'], ['keys']],
    [
      ['sluice', 'keys', 'r'],
      ['revoke', 'rotate'],
    ],
    [['sluice', '--json', 'dead-letters', 'redrive', '--a'], ['--all']],
    [['sluice', 'requests', 'list', '--w'], ['--watch']],
    [['sluice', 'logs', 'an-id', '--j'], ['--json']],
    [
      ['sluice', 'completion', ''],
      ['bash', 'zsh', 'fish'],
    ],
  ])('bash completes %s', async (words, expected) => {
    const { out: script } = await run('completion', 'bash')
    const asked = `COMP_WORDS=(${words.map(word => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}`

    const out = execFileSync('bash', ['-c', `${script}\n${asked}; _sluice; printf '%s\\n' "\${COMPREPLY[@]}"`], {
      encoding: 'utf8',
    })

    expect(out.trim().split('\n')).toEqual(expect.arrayContaining(expected))
    for (const word of out.trim().split('\n')) expect(word.startsWith(words.at(-1) ?? '')).toBe(true)
  })

  it('`sluice completion` prints valid bash, and names every command for each shell', async () => {
    const [bash, zsh, fish] = await Promise.all(['bash', 'zsh', 'fish'].map(shell => run('completion', shell)))

    expect(spawnSync('bash', ['-n'], { input: bash?.out ?? 'false (' }).status).toBe(0)
    for (const { out = '' } of [bash, zsh, fish].filter(one => one !== undefined))
      for (const path of ['keys create', 'users list', 'dead-letters redrive', 'models probe', 'tail'])
        expect(out).toContain(`'${path}'`)
  })

  it('`sluice completion` refuses an unknown shell as wrong usage', async () => {
    expect((await run('completion', 'tcsh')).code).toBe(2)
  })
})
