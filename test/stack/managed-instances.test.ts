import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parsePipeline } from '../../lib/config/load.ts'
import { billOf } from '../../lib/cost/bill.ts'
import type { Traffic } from '../../lib/cost/load.ts'
import { templateOf } from '../../lib/cost/synthesize.ts'
import { RABBITMQ_PIPELINES } from './pipelines.ts'
import { functionOf, mappingOf, ofType, only, render, variablesOf } from './queries.ts'
import { PIPELINE, synthesizeText, type Template } from './synthesized.ts'

const MANAGED = RABBITMQ_PIPELINES['workers on managed instances']
const WITHOUT = RABBITMQ_PIPELINES['SQS in a given VPC']

/** The settings of a function on managed instances, or undefined if the function does not run there. */
const capacityOf = (template: Template, service: string) => {
  const { CapacityProviderConfig, FunctionScalingConfig } = functionOf(template, service).Properties as {
    CapacityProviderConfig?: { LambdaManagedInstancesCapacityProviderConfig: Record<string, unknown> }
    FunctionScalingConfig?: { MinExecutionEnvironments: number }
  }
  if (!CapacityProviderConfig) return undefined
  const { CapacityProviderArn, PerExecutionEnvironmentMaxConcurrency: invocations } =
    CapacityProviderConfig.LambdaManagedInstancesCapacityProviderConfig
  return {
    provider: render(CapacityProviderArn),
    invocations,
    environments: FunctionScalingConfig?.MinExecutionEnvironments,
  }
}

/** The stack with this concurrency (and other settings) of the model `text`. */
const withText = (settings: string, text = MANAGED) =>
  synthesizeText(text.replace('concurrency: 10\n', `${settings}\n`)).template

describe('a stack with managed_instances', () => {
  const { template } = synthesizeText(MANAGED)
  const services = ofType(template, 'AWS::Lambda::Function').map(found => ({
    id: found.id,
    service: String(variablesOf(found).POWERTOOLS_SERVICE_NAME).slice('Shop-1-'.length),
  }))

  it('runs the workers on the instances, and no other function', () => {
    const onInstances = services.filter(({ service }) => capacityOf(template, service) !== undefined)

    expect(onInstances.map(({ service }) => service).sort()).toEqual(['worker-image', 'worker-text'])
  })

  it('starts the instances in the given subnets, with the security group of workers and processors of arm64', () => {
    const { VpcConfig, InstanceRequirements } = only(template, 'AWS::Lambda::CapacityProvider').Properties as {
      VpcConfig: { SubnetIds: string[]; SecurityGroupIds: unknown[] }
      InstanceRequirements: unknown
    }

    expect(VpcConfig.SubnetIds).toEqual(['subnet-0a1b2c3d', 'subnet-1a1b2c3d'])
    expect(VpcConfig.SecurityGroupIds.map(render)).toEqual(['<NetworkWorkers.GroupId>'])
    expect(InstanceRequirements).toEqual({ Architectures: ['arm64'] })
  })

  it('gives the workers no VPC of their own, which AWS refuses, and leaves the other functions in the VPC', () => {
    for (const { service } of services)
      expect({ service, inVpc: functionOf(template, service).Properties.VpcConfig !== undefined }).toEqual({
        service,
        inVpc: !service.startsWith('worker-'),
      })
  })

  it('gives each environment one core with 4 GB, and one thread, because the memory is computed for one', () => {
    const { Properties, ...worker } = functionOf(template, 'worker-text')

    expect(Properties.MemorySize).toBe(4_096)
    expect(JSON.stringify(Properties.CapacityProviderConfig)).toContain('"ExecutionEnvironmentMemoryGiBPerVCpu":4')
    expect(variablesOf({ Properties, ...worker })).toMatchObject({
      AWS_LAMBDA_NODEJS_WORKER_COUNT: '1',
      NODE_OPTIONS: '--max-old-space-size=3276',
    })
  })

  it('publishes each change of a worker, because Lambda runs only published functions on instances', () => {
    for (const service of ['worker-text', 'worker-image'])
      expect(functionOf(template, service).Properties.PublishToLatestPublished).toBe(true)
  })

  it('creates new functions for the workers, because AWS can’t move existing ones', () => {
    const before = synthesizeText(WITHOUT).template.Resources

    for (const { id, service } of services)
      expect({ service, isNew: before[id] === undefined }).toEqual({ service, isNew: service.startsWith('worker-') })
  })

  it('keeps the queues, their mappings and the roles and log groups of the workers', () => {
    const before = synthesizeText(WITHOUT).template.Resources
    const gone = Object.keys(before).filter(id => template.Resources[id] === undefined)

    expect(gone.map(id => before[id]?.Type)).toEqual(['AWS::Lambda::Function', 'AWS::Lambda::Function'])
    const mapping = mappingOf(template, 'Shop-1-inference-text-normal')
    expect(mapping.FunctionName).toEqual({ Ref: functionOf(template, 'worker-text').id })
  })

  it('lets Lambda start at most four cores per environment, and at least 24 in all', () => {
    const { CapacityProviderScalingConfig } = only(template, 'AWS::Lambda::CapacityProvider').Properties

    // The workers of both models have two environments each.
    expect(CapacityProviderScalingConfig).toEqual({ MaxVCpuCount: 24 })
  })

  it('starts the alarm on workers also if Lambda refuses invocations, because no environment has a place', () => {
    const alarm = (of: Template) =>
      JSON.stringify(ofType(of, 'AWS::CloudWatch::Alarm').find(({ id }) => id.startsWith('ModeltextWorkerAlarm')))

    expect(alarm(template)).toContain('"MetricName":"Throttles"')
    expect(alarm(synthesizeText(WITHOUT).template)).not.toContain('Throttles')
  })

  it('lets only Lambda use the role that starts instances, with the policy that AWS writes for this role', () => {
    const { PermissionsConfig } = only(template, 'AWS::Lambda::CapacityProvider').Properties
    expect(Object.values(PermissionsConfig as object).map(render)).toEqual(['<InstancesOperator.Arn>'])

    const [operator] = ofType(template, 'AWS::IAM::Role').filter(({ id }) => id.startsWith('InstancesOperator'))
    const { AssumeRolePolicyDocument, ManagedPolicyArns, Policies } = operator?.Properties ?? {}
    expect(JSON.stringify(AssumeRolePolicyDocument)).toContain('"Service":"lambda.amazonaws.com"')
    expect((ManagedPolicyArns as unknown[]).map(render)).toEqual([
      'arn:<AWS::Partition>:iam::aws:policy/AWSLambdaManagedEC2ResourceOperator',
    ])
    expect(Policies).toBeUndefined()
  })
})

describe('the environments of a worker on managed instances', () => {
  it.each([
    { what: 'two calls per invocation', settings: 'concurrency: 10', invocations: 37, environments: 2 },
    { what: 'one call at a time', settings: 'concurrency: 1', invocations: 64, environments: 2 },
    // Ten invocations of ten calls per priority: 20 invocations, of which seven fit into the memory.
    { what: 'ten calls per invocation', settings: 'concurrency: 100', invocations: 7, environments: 4 },
    {
      what: 'batches of ten requests',
      settings: 'concurrency: 30\n    batch: { count: 10, period: 1s }',
      invocations: 8,
      environments: 9,
    },
  ])('are enough for all invocations of both priorities, with $what', ({ settings, invocations, environments }) => {
    const template = withText(settings)
    const capacity = capacityOf(template, 'worker-text')
    const most = ['high', 'normal']
      .map(priority => mappingOf(template, `Shop-1-inference-text-${priority}`).ScalingConfig)
      .reduce((sum: number, config) => sum + (config as { MaximumConcurrency: number }).MaximumConcurrency, 0)

    expect(capacity).toMatchObject({ invocations, environments })
    expect(invocations * environments).toBeGreaterThanOrEqual(most)
  })

  it('keep Node’s usual heap, and run fewer invocations, if a JSONata mapping needs a thread, whose memory limit NODE_OPTIONS would remove', () => {
    const withSort = MANAGED.replace('\'{ "model_input": prompt }\'', '\'{ "model_input": $sort(prompt) }\'')
    const { template } = synthesizeText(withSort)

    expect(capacityOf(template, 'worker-text')).toMatchObject({ invocations: 21 })
    expect(variablesOf(functionOf(template, 'worker-text'))).not.toHaveProperty('NODE_OPTIONS')
  })
})

describe('the table in docs/recipes.md of what managed instances cost', () => {
  const rows = readFileSync(new URL('../../docs/recipes.md', import.meta.url), 'utf8')
    .split('\n')
    .flatMap(line => /^\| (\d+) \| (\d+) million \| (\d+) \| (\d+) \|$/.exec(line)?.slice(1).map(Number) ?? [])
  const table = Array.from({ length: rows.length / 4 }, (_, i) => rows.slice(4 * i, 4 * i + 4))

  /** The cost of running the workers of one model, in dollars per month. */
  function workersOf(text: string, millions: number): number {
    const pipeline = parsePipeline(text, {}, 'test.yaml')
    const traffic: Traffic = { requests: millions * 1e6, modelSeconds: 2, open: 1, spread: 'even' }
    const { always, traffic: items } = billOf(pipeline, templateOf(pipeline), traffic)
    const worker = /^(workers: time|managed instances|management of the instances)$/
    return [...always, ...items].filter(({ what }) => worker.test(what)).reduce((sum, { usd }) => sum + usd, 0)
  }
  const one = (text: string, concurrency: number) =>
    text
      .replace(/^ {2}image:\n(?: {4}.*\n)+/m, '')
      .replace('  - { when: \'model_type = "image"\', model: image }\n', '')
      .replace('concurrency: 10\n', `concurrency: ${concurrency}\n`)

  it('has several rows', () => expect(table.length).toBeGreaterThan(5))

  it.each(table)(
    'is right for concurrency %i and %i million requests: %i or %i',
    (concurrency, millions, usual, managed) => {
      expect(Math.round(workersOf(one(PIPELINE, concurrency), millions))).toBe(usual)
      expect(Math.round(workersOf(one(MANAGED, concurrency), millions))).toBe(managed)
    },
  )
})
