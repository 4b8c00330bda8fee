import { globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkNames } from '../support/conventions.ts'

const paths = globSync('{bin,lib,functions,test}/**/*.ts')

describe('the rules about names of constants and fields in CONTRIBUTING.md', () => {
  const violations = paths.flatMap(path => checkNames(path, readFileSync(path, 'utf8')))

  it('the naming rules hold in every file', () => {
    expect(paths.length).toBeGreaterThan(500)
    expect(violations).toEqual([])
  })

  it.each([
    { text: 'const timeoutMs = 3_000', rule: 'the constant timeoutMs must be SCREAMING_CASE' },
    { text: 'export const hourMs = 60 * MINUTE_MS', rule: 'the constant hourMs must be SCREAMING_CASE' },
    { text: 'const pattern = /^a/', rule: 'the constant pattern must be SCREAMING_CASE' },
    { text: "const names = ['a', 'b'] as const", rule: 'the constant names must be SCREAMING_CASE' },
    { text: "const units = new Set(['ms', 's'])", rule: 'the constant units must be SCREAMING_CASE' },
    { text: 'const unitMs = { s: 1_000 }', rule: 'the constant unitMs must be SCREAMING_CASE' },
    { text: 'interface A { user_id: string; timeoutMs: number }', rule: 'both user_id and timeoutMs' },
    { text: 'type A = { user_id: string; timeoutMs: number } | undefined', rule: 'both user_id and timeoutMs' },
    { text: 'const A = z.strictObject({ user_id: B, timeoutMs: C })', rule: 'both user_id and timeoutMs' },
  ])('the naming rules refuse: $text', ({ text, rule }) => {
    expect(checkNames('lib/x.ts', text)).toEqual([expect.stringMatching(`^lib/x\\.ts:1: .*${rule}$`)])
  })

  it.each([
    'const TIMEOUT_MS = 3_000',
    'const waiting: string[] = []',
    'const client = new Map([[1, make()]])',
    'const double = (n: number) => 2 * n',
    'const f = () => { const timeoutMs = 3_000; return timeoutMs }',
    'interface A { user_id: string; timeout_ms: number }',
    'interface A { userId: string; timeoutMs: number }',
    'const { user_id } = request',
  ])('the naming rules accept: %s', text => {
    expect(checkNames('lib/x.ts', text)).toEqual([])
  })

  it('the naming rules allow camelCase for the fixtures of a test, but not for its numbers', () => {
    expect(checkNames('test/x.ts', "const users = ['ann']")).toEqual([])
    expect(checkNames('test/x.ts', 'const hour = 3_600_000')).toHaveLength(1)
  })

  it('the naming rules are not checked in a file that does not parse: the check throws', () => {
    expect(() => checkNames('lib/x.ts', 'const {')).toThrow('lib/x.ts does not parse')
  })
})
