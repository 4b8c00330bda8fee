import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { isAllowed, licencesReference, productionLicences } from '../../../lib/packages/licences.ts'
import { readLockFile } from '../../../lib/packages/lock-file.ts'

const lock = readLockFile()

it('each package that a production install includes has a licence from the list of allowed licences', () => {
  const licensed = productionLicences(lock)

  expect(licensed.filter(({ licence }) => !isAllowed(licence))).toEqual([])
  expect(licensed.length).toBeGreaterThan(100)
})

it('docs/licences.md is the same as the page that package-lock.json generates', () => {
  expect(readFileSync('docs/licences.md', 'utf8'), 'run npm run generate').toBe(licencesReference(lock))
})

it('LICENSE is the text of the licence that package.json names', () => {
  expect(readFileSync('LICENSE', 'utf8')).toBe(readFileSync('node_modules/constructs/LICENSE', 'utf8'))
})

describe('the check of the licence of a new package', () => {
  const withLicence = (license: string | undefined) => {
    const added = { version: '1.0.0', ...(license !== undefined && { license }) }
    const { packages } = lock
    const licensed = productionLicences({ ...lock, packages: { ...packages, 'node_modules/new': added } })
    return licensed.filter(({ licence }) => !isAllowed(licence)).map(({ name }) => name)
  }

  it.each([
    'GPL-3.0-only',
    'AGPL-3.0-or-later OR SSPL-1.0',
    'MIT AND GPL-3.0-only',
    '(MIT OR ISC) AND GPL-3.0-only',
    '(GPL-2.0-only OR MIT OR ISC) AND GPL-3.0-only',
    'SEE LICENSE IN LICENSE.md',
    'UNLICENSED',
    '',
    undefined,
  ])('a package is refused with the licence: %s', license => expect(withLicence(license)).toEqual(['new@1.0.0']))

  it.each(['MIT', '(MIT OR GPL-3.0-or-later)', 'GPL-3.0-only OR Apache-2.0', 'MIT AND ISC'])(
    'a package is accepted with the licence: %s',
    license => expect(withLicence(license)).toEqual([]),
  )
})
