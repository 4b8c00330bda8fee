import { MAX_RESOURCES, RESOURCES } from '../../lib/config/resources.ts'
import { PIPELINE } from './synthesized.ts'

const [head = '', tail = ''] = PIPELINE.split(/^models:[\s\S]*?(?=^observability)/m)

export const CIRCUIT = '    circuit: { failures: 3 }'

/** A pipeline with so many models of the longest names, and with inputs. */
export function withModels(count: number, fields = '', inputs = 0): string {
  const name = (i: number) => `${i}-`.padEnd(32, 'm')
  const models = Array.from({ length: count }, (_, i) =>
    [
      `  ${name(i)}:`,
      '    endpoint: { url: "https://text.example.com/predict" }',
      '    request: \'{ "model_input": prompt }\'',
      '    response: \'{ "result": result }\'',
      fields,
    ].join('\n'),
  )
  const queues = Array.from({ length: inputs }, (_, i) => `{ queue: nightly-${i} }`)
  return [
    head.replaceAll(/model: (?:text|image)/g, `model: ${name(0)}`),
    'models:',
    ...models,
    tail,
    `inputs: [${queues}]`,
  ].join('\n')
}

/** The numbers of models with a circuit, and of inputs, of the largest pipeline that `config check` allows. */
export function mostResources(): { models: number; inputs: number } {
  const { stack, model, circuit, intake, input } = RESOURCES
  const models = Math.floor((MAX_RESOURCES - stack - intake - input) / (model + circuit))
  const inputs = Math.floor((MAX_RESOURCES - stack - models * (model + circuit) - intake) / input)
  return { models, inputs }
}

/** The largest pipeline that `config check` allows. */
export function largestPipeline(): string {
  const { models, inputs } = mostResources()
  return withModels(models, CIRCUIT, inputs)
}
