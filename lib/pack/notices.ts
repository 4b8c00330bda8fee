import { globSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Bundle } from '../bundle.ts'
import { ROOT } from '../installation.ts'
import { packageName } from '../packages/lock-file.ts'

const RULE = `\n${'-'.repeat(80)}\n\n`

/**
 * Returns the licences of all packages that have code in a bundle. The npm package contains this code, so it must
 * contain the notices, too.
 */
export function noticesOf(bundles: readonly Pick<Bundle, 'packages'>[]): string {
  const folders = [...new Set(bundles.flatMap(({ packages }) => packages))].sort()
  const byText = Map.groupBy(folders, licenceText)
  return [...byText].map(([text, of]) => `${of.map(packageName).join('\n')}\n\n${text}\n`).join(RULE)
}

function licenceText(folder: string): string {
  const path = new URL(`${folder}/`, ROOT)
  const [file] = globSync('LICEN[CS]E*', { cwd: fileURLToPath(path) })
  if (file !== undefined) return readFileSync(new URL(file, path), 'utf8').trim()
  const { license, author } = JSON.parse(readFileSync(new URL('package.json', path), 'utf8'))
  return `Licence: ${license}. Author: ${typeof author === 'string' ? author : author?.name}`
}
