import { writeFileSync } from 'node:fs'
import { bundleAll } from '../bundle.ts'
import { bundlesReference } from './bundles.ts'
import { licencesReference } from './licences.ts'
import { readLockFile } from './lock-file.ts'

// Writes the documents that are generated from package-lock.json and the bundles. Tests check that they are up to date.
const docs = new URL('../../docs/', import.meta.url)
const lock = readLockFile()
writeFileSync(new URL('licences.md', docs), licencesReference(lock))
writeFileSync(new URL('bundles.md', docs), bundlesReference(await bundleAll(), lock))
