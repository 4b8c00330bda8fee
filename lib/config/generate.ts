import { writeFileSync } from 'node:fs'
import { pipelineJsonSchema } from './json-schema.ts'
import { providersReference } from './providers/reference.ts'
import { pipelineReference } from './reference.ts'

// Writes the files that are generated from the schema. A unit test checks that they are up to date.
const docs = new URL('../../docs/', import.meta.url)
writeFileSync(new URL('pipeline.schema.json', docs), `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`)
writeFileSync(new URL('pipeline.md', docs), pipelineReference())
writeFileSync(new URL('providers.md', docs), providersReference())
