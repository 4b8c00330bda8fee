import { writeFileSync } from 'node:fs'
import { metricsReference } from './reference.ts'

// Writes the reference of all metrics. A test checks that it is up to date.
writeFileSync(new URL('../../docs/metrics.md', import.meta.url), metricsReference())
