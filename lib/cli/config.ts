import { ConfigError } from '../config/finding.ts'
import type { Environment } from '../config/interpolate.ts'
import { pipelineJsonSchema } from '../config/json-schema.ts'
import { checkPipeline, warningLine } from '../config/load.ts'
import type { Answer } from './answer.ts'

/**
 * Runs `sluice config check [FILE]`: checks the pipeline file, and prints each mistake as `file:line:column: sentence`.
 * As JSON: `{ "ok": true, "name", "models": […], "plans": […], "warnings"?: [{ file, line, column, message }] }`, or
 * `{ "ok": false, "problems": [{ file, line, column, message }] }`.
 */
export function configCheck(file: string, env: Environment): Answer {
  try {
    const { pipeline, warnings } = checkPipeline(file, env)
    const { name, models, quotas } = pipeline
    const found = { name, models: Object.keys(models), plans: Object.keys(quotas.plans) }
    const sentence = `${file} is valid: models ${found.models.join(', ')}; plans ${found.plans.join(', ')}`
    const json = { ok: true, ...found, ...(warnings.length > 0 && { warnings }) }
    return { json, lines: [...warnings.map(warningLine), sentence] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return { json: { ok: false, problems: error.problems }, lines: [], refusals: error.message.split('\n') }
  }
}

/** Runs `sluice config schema`: prints the JSON Schema of the pipeline file, for editors. */
export function configSchema(): Answer {
  const json = pipelineJsonSchema()
  return { json, lines: [JSON.stringify(json, null, 2)] }
}
