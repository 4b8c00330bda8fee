import { writeFileSync } from 'node:fs'
import { cliReference } from './reference.ts'

// Writes the page of the command line. A test checks that it is up to date.
writeFileSync(new URL('../../docs/cli.md', import.meta.url), cliReference())
