#!/usr/bin/env node
// The npm package has compiled code. A checkout has TypeScript, which Node 24 runs as it is.
import { existsSync } from 'node:fs'

const source = new URL('./sluice.ts', import.meta.url)
await import(existsSync(source) ? source.href : '../dist/bin/sluice.js')
