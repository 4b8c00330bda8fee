import { ConfigError } from '../config/finding.ts'
import type { Environment } from '../config/interpolate.ts'
import { pipelineJsonSchema } from '../config/json-schema.ts'
import { loadPipeline } from '../config/load.ts'

/** What a command prints, line by line, and how it ended: 0 done, 1 refused. Lines of a refusal belong on stderr, but JSON never. */
export type CommandResult = { exitCode: 0 | 1; lines: string[] }

/**
 * `sluice config check [FILE]`: whether the pipeline file is right, and each mistake as `file:line:column: sentence`. As JSON:
 * `{ "ok": true, "name", "models": […], "plans": […] }` or `{ "ok": false, "problems": [{ file, line, column, message }] }`.
 */
export function configCheck(file: string, env: Environment, { json }: { json: boolean }): CommandResult {
  try {
    const { name, models, quotas } = loadPipeline(file, env)
    const found = { name, models: Object.keys(models), plans: Object.keys(quotas.plans) }
    const sentence = `${file} is valid: models ${found.models.join(', ')}; plans ${found.plans.join(', ')}`
    return { exitCode: 0, lines: [json ? toJson({ ok: true, ...found }) : sentence] }
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    const lines = json ? [toJson({ ok: false, problems: error.problems })] : error.message.split('\n')
    return { exitCode: 1, lines }
  }
}

/** `sluice config schema`: the JSON Schema of the pipeline file, for editors. */
export function configSchema(): CommandResult {
  return { exitCode: 0, lines: [toJson(pipelineJsonSchema())] }
}

function toJson(value: unknown): string {
  return JSON.stringify(value, null, 2)
}
