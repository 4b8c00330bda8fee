import { writeFileSync } from 'node:fs'
import { operatorApiReference } from './operator-api/reference.ts'

// Writes the reference of the operator API; a unit test compares it with the routes.
writeFileSync(new URL('../../docs/operator-api.md', import.meta.url), operatorApiReference())
