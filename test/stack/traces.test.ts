import { describe, expect, it } from 'vitest'
import { RABBITMQ_PIPELINES } from './pipelines.ts'
import { functionOf, ofType, render, variablesOf } from './queries.ts'
import { faultsOf } from './rules.ts'
import { PIPELINE, type Resource, synthesizeText, type Template } from './synthesized.ts'

const WITH_INPUTS = `${PIPELINE}inputs: [{ queue: nightly }]\n`
/** The functions that requests pass through, and the other functions. */
const TRACED = ['gateway', 'reader', 'intake', 'worker-text', 'worker-image', 'collector', 'sweeper']
const UNTRACED = ['authorizer', 'retention', 'migrator']
const GRANT = 'xray:PutTraceSegments *'

/** The rights of a function’s role from policies that several roles share. */
function sharedGrantsOf(template: Template, { Properties }: Resource): string[] {
  const {
    'Fn::GetAtt': [roleId],
  } = Properties.Role as { 'Fn::GetAtt': [string, string] }
  return ofType(template, 'AWS::IAM::Policy')
    .map(({ Properties: { Roles, PolicyDocument } }) => ({
      roles: Roles as { Ref: string }[],
      statements: (PolicyDocument as { Statement: { Action: string; Resource: string }[] }).Statement,
    }))
    .filter(({ roles }) => roles.length > 1 && roles.some(({ Ref }) => Ref === roleId))
    .flatMap(({ statements }) => statements.map(({ Action, Resource }) => `${Action} ${Resource}`))
}

/** A stack with this setting of tracing. The synthesis fails on each finding of cdk-nag that is not acknowledged. */
function traced(tracing: string) {
  const text = WITH_INPUTS.replace(
    'store_prompts: false,',
    `store_prompts: false, retention: { ledger: 90d }, tracing: ${tracing},`,
  )
  const { template } = synthesizeText(text)
  const mayTrace = (service: string) => sharedGrantsOf(template, functionOf(template, service)).includes(GRANT)
  const variables = (service: string) => variablesOf(functionOf(template, service))
  return { template, mayTrace, variables }
}

describe('a stack with tracing: { endpoint: xray }', () => {
  const { template, mayTrace, variables } = traced('{ endpoint: xray, sample: 0.1 }')

  it.each(TRACED)('lets the %s send traces to X-Ray in its region, with the configured share of requests', service => {
    const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: endpoint, OTEL_TRACES_SAMPLER_ARG: sample } = variables(service)

    expect(render(endpoint)).toBe('https://xray.<AWS::Region>.<AWS::URLSuffix>/v1/traces')
    expect(sample).toBe('0.1')
    expect(mayTrace(service)).toBe(true)
  })

  it.each(UNTRACED)('gives the %s no right to send traces, since it sends none', service => {
    expect(mayTrace(service)).toBe(false)
  })

  it('the right to send traces to X-Ray is given by one policy, which allows nothing else', () => {
    const policies = ofType(template, 'AWS::IAM::Policy').filter(policy => JSON.stringify(policy).includes('xray:'))

    expect(policies.map(({ Properties }) => Properties.PolicyDocument)).toEqual([
      { Version: '2012-10-17', Statement: [{ Effect: 'Allow', Action: 'xray:PutTraceSegments', Resource: '*' }] },
    ])
  })

  it('a stack that sends traces to X-Ray has no fault that AWS would refuse', () => {
    expect(faultsOf(template)).toEqual([])
  })

  it('the tracing of Lambda itself is not turned on, since it would make a second trace of each request', () => {
    for (const { Properties } of ofType(template, 'AWS::Lambda::Function'))
      expect(Properties.TracingConfig).toBeUndefined()
  })
})

describe('a stack with another receiver of traces', () => {
  it('sends traces to this receiver, and needs no right for it', () => {
    const { template, variables } = traced('{ endpoint: "https://collector.example.com/v1/traces" }')

    expect(variables('gateway')).toMatchObject({
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector.example.com/v1/traces',
      OTEL_TRACES_SAMPLER_ARG: '1',
    })
    expect(JSON.stringify(template)).not.toContain('xray:')
  })

  it('gives the functions the right to send traces if the receiver’s URL is that of X-Ray, in any region', () => {
    const { mayTrace } = traced('{ endpoint: "https://xray.eu-west-1.amazonaws.com/v1/traces" }')

    expect(mayTrace('gateway')).toBe(true)
  })
})

it('a stack without tracing has no environment variable and no right for traces', () => {
  const { template } = traced('false')

  expect(JSON.stringify(template)).not.toMatch(/xray:|OTEL_/)
})

describe('functions in a VPC that send traces', () => {
  const inVpc = (pipeline: string, tracing: string) =>
    synthesizeText(pipeline.replace('store_prompts: false,', `store_prompts: false, tracing: ${tracing},`)).template
  /** The ports that the functions of a security group may call. */
  const portsOf = (template: Template, group: RegExp) =>
    ofType(template, 'AWS::EC2::SecurityGroup')
      .filter(({ id }) => group.test(id))
      .flatMap(({ Properties }) => (Properties.SecurityGroupEgress as { ToPort: number }[]).map(({ ToPort }) => ToPort))

  it('reach X-Ray by a VPC endpoint if the VPC has no way to the internet', () => {
    const pipeline = RABBITMQ_PIPELINES['broker with endpoints']
    const endpoints = (tracing: string) =>
      ofType(inVpc(pipeline, tracing), 'AWS::EC2::VPCEndpoint').filter(({ id }) => id.includes('XRay'))

    expect(endpoints('{ endpoint: xray }').map(({ Properties }) => render(Properties.ServiceName))).toEqual([
      'com.amazonaws.<AWS::Region>.xray',
    ])
    expect(endpoints('false')).toEqual([])
  })

  it.each([/NetworkWorkers/, /NetworkFunctions/])(
    'the security group %s lets functions call the port of the receiver of traces',
    group => {
      const pipeline = RABBITMQ_PIPELINES['broker with a NAT gateway']

      expect(portsOf(inVpc(pipeline, '{ endpoint: "http://10.0.0.9:4318/v1/traces" }'), group)).toContain(4318)
      expect(portsOf(inVpc(pipeline, 'false'), group)).not.toContain(4318)
    },
  )
})
