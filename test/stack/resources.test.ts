import { describe, expect, it } from 'vitest'
import { parsePipeline } from '../../lib/config/load.ts'
import { CLOUDFORMATION_TAKES, countResources, MAX_RESOURCES, RESOURCES } from '../../lib/config/resources.ts'
import { CIRCUIT, largestPipeline, mostResources, RABBITMQ_PIPELINES, withModels, withXray } from './pipelines.ts'
import { PIPELINE, synthesizeText } from './synthesized.ts'

const PROFILE = 'https://bedrock-runtime.eu-west-1.amazonaws.com/model/eu.amazon.nova-lite-v1:0/invoke'

const counted = (text: string) => countResources(parsePipeline(text, {}, 'test.yaml'))
const synthesized = (text: string) => Object.keys(synthesizeText(text).template.Resources).length

describe('the numbers of CloudFormation resources with which config check limits a pipeline', () => {
  it.each([
    ['two models', PIPELINE],
    ['a circuit', withModels(1, CIRCUIT)],
    ...Object.entries(RABBITMQ_PIPELINES),
    ['inputs', withModels(1, '', 3)],
    ['traces to X-Ray', withXray(PIPELINE)],
    ['traces to X-Ray without a way to the internet', withXray(RABBITMQ_PIPELINES['broker with endpoints'])],
    [
      'a retention of rows',
      PIPELINE.replace('store_prompts: false,', 'store_prompts: false, retention: { ledger: 90d },'),
    ],
    [
      'inference profiles',
      PIPELINE.replace('url: "http://text.example.com/predict"', `url: "${PROFILE}", auth: { sigv4: bedrock }`).replace(
        'concurrency: 10',
        `concurrency: 10\n    batch: { count: 5, period: 1s, url: "${PROFILE}" }`,
      ),
    ],
  ])('config check counts as many CloudFormation resources as the stack really has, with %s', (_, text) => {
    expect(counted(text)).toBe(synthesized(text))
  })

  it('the largest pipeline that is allowed stays below CloudFormation’s limits of resources, with those that the CDK adds, and of outputs (200)', () => {
    const text = largestPipeline()
    const { Resources, Outputs } = synthesizeText(text).template

    expect(mostResources().models).toBeGreaterThan(20)
    // The pipeline is really the largest one: one more input would exceed the limit.
    expect(counted(text)).toBeGreaterThan(MAX_RESOURCES - RESOURCES.input)
    expect(Object.keys(Resources).length).toBeLessThanOrEqual(CLOUDFORMATION_TAKES)
    expect(Object.keys(Outputs).length).toBeLessThanOrEqual(200)
  })
})
