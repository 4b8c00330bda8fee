import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { bundleAll, bundleSource } from '../../lib/bundle.ts'
import { bundlesReference } from '../../lib/packages/bundles.ts'
import { readLockFile } from '../../lib/packages/lock-file.ts'

const lock = readLockFile()

it('docs/bundles.md lists the packages that have code in each function', async () => {
  expect(readFileSync('docs/bundles.md', 'utf8'), 'run npm run generate').toBe(
    bundlesReference(await bundleAll(), lock),
  )
})

it('a package that is imported newly shows in the list', async () => {
  const bundles = await bundleAll()
  const withMore = await bundleSource("import leven from 'leven'; export const handler = () => leven('a', 'b')")

  expect(bundlesReference(bundles, lock)).not.toContain('`leven@')
  expect(bundlesReference({ ...bundles, authorizer: withMore }, lock)).toContain('`leven@')
})
