import { readFileSync, writeFileSync } from 'node:fs'
import { withCells } from './edits.ts'

// Writes what the templates say into the tables of docs/upgrades.md. The last column is written by people.
const page = new URL('../../docs/upgrades.md', import.meta.url)
writeFileSync(page, withCells(readFileSync(page, 'utf8')))
