import { writeFileSync } from 'node:fs'
import { OPENAPI_FILE, openApiYaml } from './yaml.ts'

writeFileSync(OPENAPI_FILE, openApiYaml())
