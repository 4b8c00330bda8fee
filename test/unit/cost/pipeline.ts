import { parsePipeline } from '../../../lib/config/load.ts'

/** A pipeline of one model. `fields` are added to the model, and `more` to the pipeline. */
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
