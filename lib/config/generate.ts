import { writeFileSync } from 'node:fs'
import { pipelineJsonSchema } from './json-schema.ts'
import { providersReference } from './providers/reference.ts'
import { pipelineReference } from './reference.ts'

// Writes what is generated from the schema; a unit test keeps the files equal to it.
const docs = new URL('../../docs/', import.meta.url)
writeFileSync(new URL('pipeline.schema.json', docs), `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`)
writeFileSync(new URL('pipeline.md', docs), pipelineReference())
writeFileSync(new URL('providers.md', docs), providersReference())
