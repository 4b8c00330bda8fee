import type { Bundles } from '../bundle.ts'
import { type LockFile, nameAndVersion } from './lock-file.ts'

/** Writes docs/bundles.md, which lists the packages in the bundle of each function. */
export function bundlesReference(bundles: Bundles, lock: LockFile): string {
  const sections = Object.entries(bundles).map(([entryPoint, { packages }]) => {
    const names = [...new Set(packages.map(folder => nameAndVersion(lock, folder)))].sort()
    return [`## ${entryPoint}`, '', ...names.map(name => `- \`${name}\``), ''].join('\n')
  })
  return `# What is in each Lambda function

<!-- Generated from what esbuild bundles by \`npm run generate\`. -->

The packages that have code in a function's bundle, by function. A test keeps this list equal to the bundles, so that a package that
comes into one, or has another version, is seen in the change that brings it.

${sections.join('\n')}`
}
