import { readFileSync, writeFileSync } from 'node:fs'
import { withCosts } from './table.ts'

// Writes the table of costs into README.md. A test checks that it is up to date.
const root = new URL('../../', import.meta.url)
const readme = new URL('README.md', root)
const pipeline = readFileSync(new URL('pipeline.yaml', root), 'utf8')
writeFileSync(readme, withCosts(readFileSync(readme, 'utf8'), pipeline))
