import { fileURLToPath } from 'node:url'
import { stringify } from 'yaml'
import { InferenceBody } from '../../functions/core/inference-api/body.ts'
import { openApiDocument } from '../../functions/core/openai-api/openapi.ts'

export const OPENAPI_FILE = fileURLToPath(new URL('../../docs/openapi.yaml', import.meta.url))

/** Returns the description of the API, which is docs/openapi.yaml. */
export const openApiYaml = (): string =>
  `# Written by npm run generate from the schemas of the functions.\n${stringify(openApiDocument(InferenceBody), { lineWidth: 0, aliasDuplicateObjects: false })}`
