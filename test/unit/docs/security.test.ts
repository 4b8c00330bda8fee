import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const projectFile = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const security = readFileSync(projectFile('docs/security.md'), 'utf8')
const named = [...new Set([...security.matchAll(/`(test\/[\w/-]+)`/g)].map(([, path = '']) => path))]

test('docs/security.md names for every threat a test of its defence', () => {
  const threats = security.split('\n').filter(line => /^\| [STRIDE](, [STRIDE])* \|/.test(line))
  expect(threats.length).toBeGreaterThan(25)
  for (const threat of threats) expect(threat).toMatch(/(`test\/|simulation)/)
})

test.for(named)('docs/security.md names the file %s, which exists', path => {
  const exists = [path, `${path}.test.ts`].some(candidate => existsSync(projectFile(candidate)))
  expect(exists).toBe(true)
})
