import { writeFileSync } from 'node:fs'
import { operatorApiReference } from './operator-api/reference.ts'

// Writes the reference of the operator API. A unit test compares the reference with the routes.
writeFileSync(new URL('../../docs/operator-api.md', import.meta.url), operatorApiReference())
