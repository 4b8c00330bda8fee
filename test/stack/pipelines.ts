import { MAX_RESOURCES, RESOURCES } from '../../lib/config/resources.ts'
import { PIPELINE } from './synthesized.ts'

const [head = '', tail = ''] = PIPELINE.split(/^models:[\s\S]*?(?=^observability)/m)

export const CIRCUIT = '    circuit: { failures: 3 }'

/** A pipeline with `count` models, which have the longest possible names, and with `inputs` inputs. */
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

/** The most models with a circuit that `config check` accepts in a pipeline with an input, and the most inputs that it accepts beside them. */
export function mostResources(): { models: number; inputs: number } {
  const { stack, model, circuit, intake, input } = RESOURCES
  const models = Math.floor((MAX_RESOURCES - stack - intake - input) / (model + circuit))
  const inputs = Math.floor((MAX_RESOURCES - stack - models * (model + circuit) - intake) / input)
  return { models, inputs }
}

/** The largest pipeline that `config check` accepts. */
export function largestPipeline(): string {
  const { models, inputs } = mostResources()
  return withModels(models, CIRCUIT, inputs)
}

const NETWORK =
  'network: { vpc: vpc-0a1b2c3d, availability_zones: [eu-west-1a, eu-west-1b], subnets: [subnet-0a1b2c3d, subnet-1a1b2c3d]'

/** PIPELINE (two models) with these settings of `queue`. */
export const withQueue = (settings: string): string =>
  PIPELINE.replace('queue: { expire_after: 4h }', `queue: { ${settings} }`)

const BEDROCK =
  'url: "https://bedrock-runtime.eu-west-1.amazonaws.com/model/eu.amazon.nova-lite-v1:0/invoke", auth: { sigv4: bedrock }'

/** Changes a pipeline so that it sends its traces to X-Ray, AWS’s own receiver. */
export const withXray = (text: string): string =>
  text.replace('observability: {', 'observability: { tracing: { endpoint: xray },')

/** Pipelines for both backends, and for each kind of network in which their functions may run. */
export const RABBITMQ_PIPELINES = {
  'broker with a NAT gateway': withQueue('backend: rabbitmq'),
  'cluster with three consumers and inputs': `${withQueue('backend: rabbitmq, rabbitmq: { deployment: cluster, consumers: 3, instance: mq.m7g.large, version: "4.3" }')}inputs: [{ queue: nightly }, { queue: imports }]\n`,
  'broker with endpoints': withQueue('backend: rabbitmq, rabbitmq: { egress: endpoints }')
    .replace('url: "http://text.example.com/predict"', BEDROCK)
    .replace('url: "https://image.example.com/"', BEDROCK)
    .replace(', headers: { X-Team: shop }, auth: { secret: prod/IMAGE_KEY }', ''),
  'broker in a given VPC': `${withQueue('backend: rabbitmq')}${NETWORK} }\n`,
  'broker in a given VPC with its security groups': `${withQueue('backend: rabbitmq')}${NETWORK}, security_groups: [sg-0a1b2c3d, sg-1a1b2c3d] }\n`,
  'SQS in a given VPC': `${PIPELINE}${NETWORK} }\n`,
  'SQS in a given VPC with its security groups': `${PIPELINE}${NETWORK}, security_groups: [sg-0a1b2c3d] }\n`,
  'workers on managed instances': `${PIPELINE}${NETWORK} }\nmanaged_instances: { environments: 2 }\n`,
}
