import { type LockFile, nameAndVersion } from './lock-file.ts'

/** The SPDX ids of allowed licences, which ask only for a notice. For any other licence, a person must decide whether to add it here. */
const ALLOWED = new Set(['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'ISC', 'MIT', 'MIT-0'])

/** A package that production needs. Packages for development only are left out. */
export interface Licensed {
  readonly name: string
  readonly licence: string | undefined
}

export function productionLicences(lock: LockFile): Licensed[] {
  const found = new Map<string, Licensed>()
  for (const [folder, { dev, link, license }] of Object.entries(lock.packages)) {
    if (folder === '' || dev || link) continue
    const name = nameAndVersion(lock, folder)
    found.set(name, { name, licence: license })
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
}

/**
 * Returns whether an SPDX expression has an allowed choice: `MIT`, `MIT AND ISC`, `(MIT OR GPL-3.0-or-later)`. A more
 * nested expression is not allowed, so that a person must check it.
 */
export function isAllowed(licence: string | undefined): boolean {
  const expression = (licence ?? '').replace(/^\(([^()]*)\)$/, '$1')
  if (/[()]/.test(expression)) return false
  return expression.split(' OR ').some(choice => choice.split(' AND ').every(id => ALLOWED.has(id)))
}

/** Returns the text of docs/licences.md. */
export function licencesReference(lock: LockFile): string {
  const licensed = productionLicences(lock)
  const rows = licensed.map(({ name, licence }) => `| \`${name}\` | ${licence ?? '*none named*'} |`)
  return `# Licences

<!-- Generated from package-lock.json by \`npm run generate\`. -->

This page lists the packages that \`npm ci --omit=dev\` may install, on any platform, with the licences that their package.json files name (SPDX).
A test refuses a package with any other licence than: ${[...ALLOWED].join(', ')}.
[bundles.md](bundles.md) lists the packages that are in the code of a Lambda function. \`npm run -s sbom\` prints all packages as CycloneDX, with their hashes.

| package | licence |
|---|---|
${rows.join('\n')}
`
}
