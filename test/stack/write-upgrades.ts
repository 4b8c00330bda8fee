import { readFileSync, writeFileSync } from 'node:fs'
import { withCells } from './edits.ts'

// Writes the effects of each change, as the templates show them, into the tables of docs/upgrades.md. It keeps the last column,
// which is written by hand.
const page = new URL('../../docs/upgrades.md', import.meta.url)
writeFileSync(page, withCells(readFileSync(page, 'utf8')))
