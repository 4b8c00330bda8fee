import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { readOptions } from './options.ts'

describe('npm run simulate', () => {
  it('has defaults for all options', () => {
    expect(readOptions([])).toEqual({ options: { seeds: 1_000, seed: 1, backend: 'sqs', trace: false } })
    expect(readOptions([], 'rabbitmq')).toMatchObject({ options: { backend: 'rabbitmq' } })
  })

  it('reads its options', () => {
    expect(readOptions(['--seeds', '5', '--seed', '77', '--backend', 'rabbitmq', '--trace'])).toEqual({
      options: { seeds: 5, seed: 77, backend: 'rabbitmq', trace: true },
    })
  })

  it.each([
    { args: ['--sede', '1'], refusal: "Unknown option '--sede' (--help shows the options)" },
    { args: ['7'], refusal: "Unexpected argument '7' (--help shows the options)" },
    { args: ['--seed'], refusal: "Option '--seed <value>' argument missing (--help shows the options)" },
    { args: ['--seed', '-1'], refusal: "Option '--seed' argument is ambiguous (--help shows the options)" },
    { args: ['--seeds', 'many'], refusal: '--seeds must be a whole number, not many' },
    { args: ['--backend', 'kafka'], refusal: '--backend must be sqs or rabbitmq, not kafka' },
  ])('refuses $args in one sentence', ({ args, refusal }) => {
    expect(readOptions(args)).toEqual({ refusal })
  })

  it.each([
    { args: ['--help'], status: 0, out: /^npm run simulate -- \[options\]: .+\n {2}--seeds N .+\n$/s, err: /^$/ },
    { args: ['--sede'], status: 2, out: /^$/, err: /^Unknown option '--sede' \(--help shows the options\)\n$/ },
  ])('exits with $status after $args, without a stack trace', ({ args, status, out, err }) => {
    const ended = spawnSync(process.execPath, ['test/simulation/run.ts', ...args], { encoding: 'utf8' })

    expect(ended.status).toBe(status)
    expect(ended.stdout).toMatch(out)
    expect(ended.stderr).toMatch(err)
  })
})
