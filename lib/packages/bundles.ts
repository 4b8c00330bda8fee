import type { Bundles } from '../bundle.ts'
import { type LockFile, nameAndVersion } from './lock-file.ts'

/** Returns the text of docs/bundles.md, which lists the packages in the bundle of each function. */
export function bundlesReference(bundles: Bundles, lock: LockFile): string {
  const sections = Object.entries(bundles).map(([entryPoint, { packages }]) => {
    const names = [...new Set(packages.map(folder => nameAndVersion(lock, folder)))].sort()
    return [`## ${entryPoint}`, '', ...names.map(name => `- \`${name}\``), ''].join('\n')
  })
  return `# The packages in each Lambda function

<!-- Generated from what esbuild bundles by \`npm run generate\`. -->

This page lists, per function, the packages that have code in the function's bundle. A test fails if a bundle differs from this list. So a
new package, or a new version of a package, is visible in the change that adds it.

${sections.join('\n')}`
}
