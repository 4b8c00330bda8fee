import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

interface Fields {
  readonly models?: readonly string[]
  readonly url?: string
  /** The secrets of the models. There is one model per secret. */
  readonly secrets?: readonly string[]
  readonly reserved?: number
  readonly backend?: string
}

/** Writes a pipeline file, and returns its path. */
export function writePipeline({
  models = ['text'],
  url = 'https://model.example/',
  secrets = [],
  reserved,
  backend = 'sqs',
}: Fields): string {
  const names = secrets.length > 0 ? secrets.map((_, index) => `model-${index}`) : models
  const modelOf = (name: string, index: number): string => {
    const auth = secrets[index] === undefined ? '' : `, auth: { secret: ${secrets[index]} }`
    return `  ${name}: { endpoint: { url: "${url}"${auth} }, request: '{}', response: '{ "result": 1 }' }`
  }
  const text = `
quotas: { default_plan: free, plans: { free: { requests: 9, tokens: 999, in_flight: 9, priorities: [normal] } } }
routing: [{ model: ${names[0]} }]
queue: { backend: ${backend} }
${reserved === undefined ? '' : `reserved_concurrency: { authorizer: ${reserved} }`}
models:
${names.map(modelOf).join('\n')}
`
  const file = join(mkdtempSync(join(tmpdir(), 'sluice-doctor-')), 'pipeline.yaml')
  writeFileSync(file, text)
  return file
}
