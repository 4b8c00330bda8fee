import { ConfigError, parsePipeline } from '../../../lib/config/load.ts'

/** A small valid pipeline, line by line, so that tests can change single lines. */
const LINES = {
  name: 'name: demo',
  queue: 'queue: { backend: sqs, expire_after: 6h }',
  window: 'quotas:\n  window: day',
  defaultPlan: '  default_plan: free',
  free: '  plans:\n    free: { requests: 100, tokens: 10000, in_flight: 20, priorities: [normal] }',
  routing: 'routing:\n  - model: text',
  endpoint: 'models:\n  text:\n    endpoint: { url: "http://127.0.0.1:8081/predict" }',
  request: '    request: \'{ "model_input": prompt }\'',
  response: '    response: \'{ "result": result }\'',
  extra: '',
}

/** The text of the small pipeline, with these lines replaced. */
export function pipelineText(changes: Changes = {}): string {
  return `${Object.values({ ...LINES, ...changes }).join('\n')}\n`
}

/** Lines of the small pipeline to replace. */
export type Changes = Partial<typeof LINES>

/** Replaces the model's endpoint by one with these fields. */
export const endpoint = (fields: string): Changes => ({ endpoint: `models:\n  text:\n    endpoint: { ${fields} }` })

/** Replaces the plan by one with these fields. */
export const plan = (fields: string): Changes => ({ free: `  plans:\n    free: { ${fields} }` })

/** The error that a user reads if the pipeline is wrong. */
export function messageOf(act: () => unknown): string {
  try {
    act()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return 'accepted'
}

/** The error that a user reads if the file `p.yaml` has this text. */
export const refusal = (text: string, env: Record<string, string> = {}) =>
  messageOf(() => parsePipeline(text, env, 'p.yaml'))

export const lines = (...all: string[]) => all.join('\n')
