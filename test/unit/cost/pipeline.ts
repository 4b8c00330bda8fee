import { parsePipeline } from '../../../lib/config/load.ts'

/** A pipeline of one model with these further fields, and with these further sections. */
export const pipelineWith = (fields = '', more = '') =>
  parsePipeline(
    `
quotas: { default_plan: free, plans: { free: { requests: 1, tokens: 1, in_flight: 1, priorities: [normal] } } }
routing: [{ model: text }]
models:
  text:
    endpoint: { url: "https://text.example.com/predict" }
    request: '{ "model_input": prompt }'
    response: '{ "result": result }'
    ${fields}
${more}`,
    {},
    'test.yaml',
  )
