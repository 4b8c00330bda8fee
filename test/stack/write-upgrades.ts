import { readFileSync, writeFileSync } from 'node:fs'
import { withCells } from './edits.ts'

// Writes the results of the templates into the tables of docs/upgrades.md. People write the last column.
const page = new URL('../../docs/upgrades.md', import.meta.url)
writeFileSync(page, withCells(readFileSync(page, 'utf8')))
