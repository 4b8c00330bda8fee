import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { cliReference } from '../../../lib/cli/reference.ts'

/** The commands that operators and their scripts may rely on. A rename or a removal would break the scripts. */
const COMMANDS = [
  'init',
  'start',
  'completion',
  'config check',
  'config schema',
  'submit',
  'logs',
  'tail',
  'keys create',
  'keys list',
  'keys revoke',
  'keys rotate',
  'users set',
  'users show',
  'users list',
  'users disable',
  'users delete',
  'env',
  'doctor',
  'cost',
  'quota show',
  'requests show',
  'requests list',
  'models list',
  'models reset',
  'models probe',
  'dead-letters list',
  'dead-letters show',
  'dead-letters redrive',
  'dead-letters discard',
  'reconcile',
]

const reference = cliReference()
const sections = new Map(reference.split(/^## /m).map(text => [text.split('\n')[0] ?? '', text]))

it('docs/cli.md is the same as the page that the commands generate', () => {
  expect(readFileSync('docs/cli.md', 'utf8'), 'run npm run generate').toBe(reference)
})

it('docs/cli.md has every command on which scripts may rely, with a description', () => {
  for (const command of COMMANDS) expect(sections.get(command)).toMatch(/\n {4}Usage: sluice .*\n\n {4}[a-z]/)
})

it('docs/cli.md has --watch for every list', () => {
  const lists = [...sections.keys()].filter(name => name.endsWith(' list'))
  expect(lists.length).toBeGreaterThan(4)
  for (const list of lists) expect(sections.get(list)).toContain('--watch')
})
