import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { expectedQueues } from '../../functions/broker/expected-queues.ts'
import { Settings } from '../../functions/broker/settings.ts'
import { brokerFaults } from './broker-rules.ts'
import { RABBITMQ_PIPELINES, withQueue, withXray } from './pipelines.ts'
import { functionOf, grantsOf, ofType, only, render, variablesOf } from './queries.ts'
import { faultsOf } from './rules.ts'
import { PIPELINE, synthesizeText, type Template } from './synthesized.ts'

const synthesized = synthesizeText(RABBITMQ_PIPELINES['broker with a NAT gateway'])
const { template } = synthesized
const cluster = synthesizeText(RABBITMQ_PIPELINES['cluster with three consumers and inputs'])

const WITH_QUEUES = ['gateway', 'reader', 'worker-text', 'worker-image', 'collector', 'sweeper', 'broker']
const OTHERS = ['authorizer', 'migrator']
const inVpc = (of: Template, service: string) => functionOf(of, service).Properties.VpcConfig !== undefined

/** The queues that invoke a function, with the sizes of their batches. */
const takenBy = (of: Template, service: string) =>
  ofType(of, 'AWS::Lambda::EventSourceMapping')
    .filter(
      ({ Properties }) =>
        JSON.stringify(Properties.FunctionName) === JSON.stringify({ Ref: functionOf(of, service).id }),
    )
    .map(({ Properties }) => `${String(Properties.Queues)} ${String(Properties.BatchSize)}`)
    .sort()

describe('the stack with RabbitMQ', () => {
  it.each(Object.entries(RABBITMQ_PIPELINES))(
    'has no fault that AWS would refuse, or that would open the broker to attackers: %s',
    (_, text) => {
      const { template: of, warnings } = synthesizeText(text)

      expect(faultsOf(of)).toEqual([])
      expect(warnings).toEqual([])
    },
  )

  it('has a broker in place of all queues of SQS', () => {
    expect(only(template, 'AWS::AmazonMQ::Broker').Properties).toMatchObject({
      BrokerName: 'Shop-1',
      EngineType: 'RABBITMQ',
      EngineVersion: '4.2',
      HostInstanceType: 'mq.m7g.medium',
      DeploymentMode: 'SINGLE_INSTANCE',
      PubliclyAccessible: false,
    })
    expect(JSON.stringify(template)).not.toContain('AWS::SQS')
    expect(JSON.stringify(template)).not.toContain('sqs:')
  })

  it('only the functions that use queues get the broker’s address', () => {
    for (const service of WITH_QUEUES) {
      const variables = variablesOf(functionOf(template, service))
      expect(variables).toMatchObject({ QUEUE_NAME_PREFIX: 'Shop-1-', QUEUE_CONSUMERS: '1' })
      expect(variables.BROKER_URL).toEqual({ 'Fn::Select': [0, { 'Fn::GetAtt': ['Broker9AB50882', 'AmqpEndpoints'] }] })
      expect(render(variables.BROKER_SECRET_ARN)).toBe('<BrokerSecret>')
      expect(variables).not.toHaveProperty('QUEUE_URL_PREFIX')
    }
    for (const service of OTHERS) expect(variablesOf(functionOf(template, service))).not.toHaveProperty('BROKER_URL')
  })

  it('each queue has one event source mapping; for a queue of a model, the batch size follows from the concurrency of model and priority', () => {
    expect(takenBy(template, 'worker-text')).toEqual([
      'Shop-1-inference-text-high 10',
      'Shop-1-inference-text-normal 10',
    ])
    expect(takenBy(template, 'worker-image')).toEqual([
      'Shop-1-inference-image-high 20',
      'Shop-1-inference-image-normal 7',
    ])
    expect(takenBy(template, 'collector')).toEqual(['Shop-1-inference-dlq 3', 'Shop-1-results 20'])
  })

  it('each model and priority has as many queues as `consumers` says, which share its concurrency, so one slow call does not delay all messages; other queues exist once', () => {
    expect(takenBy(cluster.template, 'worker-text')).toEqual([
      'Shop-1-inference-text-high 3',
      'Shop-1-inference-text-high-2 3',
      'Shop-1-inference-text-high-3 3',
      'Shop-1-inference-text-normal 3',
      'Shop-1-inference-text-normal-2 3',
      'Shop-1-inference-text-normal-3 3',
    ])
    expect(takenBy(cluster.template, 'intake')).toEqual(['imports 3', 'imports-dlq 3', 'nightly 3', 'nightly-dlq 3'])
    expect(takenBy(cluster.template, 'collector')).toEqual(['Shop-1-inference-dlq 3', 'Shop-1-results 20'])
  })

  it('each queue of a model has a bulk queue (for users with many open requests), out of which the function `broker` moves at most half of a worker’s batch at once', () => {
    expect(takenBy(template, 'broker')).toEqual([
      'Shop-1-inference-image-high-bulk 10',
      'Shop-1-inference-image-normal-bulk 4',
      'Shop-1-inference-text-high-bulk 5',
      'Shop-1-inference-text-normal-bulk 5',
    ])
    expect(takenBy(cluster.template, 'broker')).toContain('Shop-1-inference-text-high-2-bulk 2')
    const { Queues } = only(template, 'Custom::Queues').Properties
    expect(Queues).toContainEqual({ Name: 'Shop-1-inference-text-high-bulk', DeadLetters: 'Shop-1-inference-dlq' })
    // A moved message may have to wait until the longest call to its model ends. So the function `broker` knows this time and runs
    // for longer.
    const mover = functionOf(template, 'broker')
    const { longest_call_ms } = synthesized.settings(mover.id) as { longest_call_ms: Record<string, number> }
    for (const model of ['text', 'image'])
      expect(longest_call_ms[`Shop-1-inference-${model}-normal`]).toBeGreaterThanOrEqual(
        1_000 * Number(functionOf(template, `worker-${model}`).Properties.Timeout),
      )
    expect(1_000 * Number(mover.Properties.Timeout)).toBeGreaterThan(Math.max(...Object.values(longest_call_ms)))
    for (const service of ['gateway', 'intake'])
      expect(cluster.settings(functionOf(cluster.template, service).id)).toMatchObject({ gives_way_above: 10 })
  })

  it('the timeout of the function `broker` is 900 s at most, Lambda’s limit, even if a model has the longest calls and batches', () => {
    const batch = '    batch: { count: 10, period: 5s }\n'
    const text = withQueue('backend: rabbitmq').replace(
      /( {4}endpoint: \{ url: "https:\/\/image[^\n]*\n)/,
      `$1${batch}`,
    )

    const { template: of } = synthesizeText(text)

    expect(functionOf(of, 'broker').Properties.Timeout).toBe(900)
  })

  it.each([
    ['one consumer', synthesized],
    ['three consumers and two inputs', cluster],
  ])(
    'the function `broker` expects exactly the queues that it declares, those of inputs, too, with %s',
    (_, { template: of, settings }) => {
      const { Queues } = only(of, 'Custom::Queues').Properties as { Queues: { Name: string }[] }
      const expected = expectedQueues('Shop-1-', Settings.parse(settings(functionOf(of, 'broker').id)))

      expect(expected.sort()).toEqual(Queues.map(({ Name }) => Name).sort())
    },
  )

  it('an alarm watches the function `broker`, which moves messages out of bulk queues', () => {
    const alarm = ofType(template, 'AWS::CloudWatch::Alarm').find(({ id }) => /MoverAlarm/.test(id))

    expect(alarm?.Properties).toMatchObject({ Threshold: 1, EvaluationPeriods: 3 })
    expect(JSON.stringify(alarm?.Properties.Metrics)).toContain('"MetricName":"Throttles"')
    expect(JSON.stringify(alarm?.Properties.Metrics)).toContain(functionOf(template, 'broker').id)
  })

  it('event source mappings are created after the queues are declared on the broker', () => {
    const declared = only(template, 'Custom::Queues').id
    for (const { DependsOn } of ofType(template, 'AWS::Lambda::EventSourceMapping'))
      expect(DependsOn).toContain(declared)
  })

  it('a function that sends messages may read the broker’s secret, and a function with an event source mapping may also describe the broker', () => {
    const ofBroker = (service: string) =>
      grantsOf(template, functionOf(template, service)).filter(grant => /Broker/.test(grant))

    expect(ofBroker('gateway')).toEqual(['secretsmanager:GetSecretValue <BrokerSecret>'])
    expect([...new Set(ofBroker('worker-text'))]).toEqual([
      'mq:DescribeBroker <Broker.Arn>',
      'secretsmanager:GetSecretValue <BrokerSecret>',
    ])
    expect(ofBroker('authorizer')).toEqual([])
  })

  it('the sweeper knows each queue whose number of waiting messages it must publish, and an alarm watches each of these queues', () => {
    const settings = cluster.settings(functionOf(cluster.template, 'sweeper').id) as {
      watched: { name: string; parts: string[] }[]
    }

    expect(settings.watched.map(({ name, parts }) => `${name} ${parts.length}`)).toEqual([
      'Shop-1-results-dlq 1',
      'Shop-1-results 1',
      'Shop-1-inference-dlq 1',
      'Shop-1-inference-text-high 6',
      'Shop-1-inference-text-normal 6',
      'Shop-1-inference-image-high 6',
      'Shop-1-inference-image-normal 6',
      'nightly-dlq 1',
      'nightly 1',
      'imports-dlq 1',
      'imports 1',
    ])
    const alarms = JSON.stringify(ofType(cluster.template, 'AWS::CloudWatch::Alarm'))
    for (const { name } of settings.watched) expect(alarms).toContain(`"Value":"${name}"`)
  })

  it('alarms watch the broker’s memory, disk, connections and unacknowledged messages, and each alarm names a chapter of the runbook', () => {
    const runbook = readFileSync(new URL('../../docs/runbook.md', import.meta.url), 'utf8')
    const chapters = [...runbook.matchAll(/^## (.*)$/gm)].map(([, title = '']) =>
      title.toLowerCase().replaceAll(' ', '-'),
    )
    const alarms = ofType(template, 'AWS::CloudWatch::Alarm')
    const anchors = alarms.map(
      ({ Properties }) => /runbook\.md#([\w-]+)$/.exec(String(Properties.AlarmDescription))?.[1],
    )

    for (const metric of ['RabbitMQMemUsed', 'RabbitMQDiskFree', 'ConnectionCount', 'MessageUnacknowledgedCount'])
      expect(JSON.stringify(alarms)).toContain(`"${metric}"`)
    expect(anchors.filter(anchor => anchor === undefined || !chapters.includes(anchor))).toEqual([])
  })

  it('the threshold of the alarm on connections depends on the instance type of the broker', () => {
    const threshold = (of: Template) =>
      only(of, 'AWS::CloudWatch::Alarm', { MetricName: 'ConnectionCount' }).Properties.Threshold

    expect(threshold(template)).toBe(80)
    expect(threshold(cluster.template)).toBe(3_600)
  })
})

describe('the network (VPC) of the functions', () => {
  it('contains only the functions that call the broker, if the stack creates the network', () => {
    expect(WITH_QUEUES.filter(service => !inVpc(template, service))).toEqual([])
    expect(OTHERS.filter(service => inVpc(template, service))).toEqual([])
  })

  it('contains all functions if pipeline.yaml names an existing network, with RabbitMQ and with SQS', () => {
    const sqs = synthesizeText(RABBITMQ_PIPELINES['SQS in a given VPC with its security groups']).template
    const functions = ofType(sqs, 'AWS::Lambda::Function')

    for (const { Properties } of functions)
      expect(Properties.VpcConfig).toEqual({
        SecurityGroupIds: ['sg-0a1b2c3d'],
        SubnetIds: ['subnet-0a1b2c3d', 'subnet-1a1b2c3d'],
      })
    expect(ofType(sqs, 'AWS::EC2::SecurityGroup')).toHaveLength(1)
  })

  it('workers may call the ports of their models, and other functions only the port of AWS (443)', () => {
    const ports = (id: string) => {
      const group = ofType(template, 'AWS::EC2::SecurityGroup').find(found => found.id.startsWith(id))
      const rules = (group?.Properties.SecurityGroupEgress ?? []) as { ToPort: number }[]
      return rules.map(({ ToPort }) => ToPort)
    }

    expect(ports('NetworkWorkers')).toEqual([443, 80])
    expect(ports('NetworkFunctions')).toEqual([443])
  })

  it('all functions in the network may call the ports of the receivers of traces and metrics', () => {
    const text = RABBITMQ_PIPELINES['broker with a NAT gateway'].replace(
      'observability: {',
      'observability: { tracing: { endpoint: "http://traces.example.com:4318/v1/traces" }, metrics: { endpoint: "https://metrics.example.com:4319/v1/metrics" },',
    )
    const { template: of } = synthesizeText(text)
    const groups = ofType(of, 'AWS::EC2::SecurityGroup').filter(({ id }) => /^Network(Workers|Functions)/.test(id))

    expect(groups).toHaveLength(2)
    for (const { Properties } of groups)
      expect(Properties.SecurityGroupEgress).toEqual(
        expect.arrayContaining([4_318, 4_319].map(ToPort => expect.objectContaining({ ToPort }))),
      )
  })

  it('functions in the network reach AWS either by a NAT gateway or, with `egress: endpoints`, by the VPC endpoints that functions and mappings need', () => {
    const endpoints = synthesizeText(withXray(RABBITMQ_PIPELINES['broker with endpoints'])).template
    const services = ofType(endpoints, 'AWS::EC2::VPCEndpoint').map(
      ({ Properties }) => JSON.stringify(Properties.ServiceName).match(/\.([a-z0-9-]+)"/)?.[1],
    )

    expect(ofType(template, 'AWS::EC2::NatGateway')).toHaveLength(1)
    expect(ofType(endpoints, 'AWS::EC2::NatGateway')).toEqual([])
    expect(ofType(endpoints, 'AWS::EC2::InternetGateway')).toEqual([])
    expect(services.sort()).toEqual([
      'bedrock-runtime',
      'dynamodb',
      'lambda',
      'rds-data',
      's3',
      'secretsmanager',
      'sts',
      'xray',
    ])
  })

  it('with SQS, functions are in a network only if pipeline.yaml names one; the only VPC is that of the database', () => {
    expect(ofType(synthesizeText(PIPELINE).template, 'AWS::EC2::VPC')).toHaveLength(1)
    expect(JSON.stringify(synthesizeText(PIPELINE).template)).not.toContain('VpcConfig')
  })
})

describe('the rules of broker-rules.ts', () => {
  const changed = (type: string, properties: Record<string, unknown>): Template => ({
    ...template,
    Resources: Object.fromEntries(
      Object.entries(template.Resources).map(([id, resource]) => [
        id,
        resource.Type === type ? { ...resource, Properties: { ...resource.Properties, ...properties } } : resource,
      ]),
    ),
  })
  const Broker = 'AWS::AmazonMQ::Broker'

  it.each<[string, string, Record<string, unknown>]>([
    ['a public broker', Broker, { PubliclyAccessible: true }],
    ['an old version of RabbitMQ', Broker, { EngineVersion: '3.13' }],
    ['an instance of another family', Broker, { HostInstanceType: 'mq.m5.large' }],
    ['a password in clear', Broker, { Users: [{ Username: 'sluice', Password: 'not-so-secret' }] }],
    ['an encryption key that AWS does not own', Broker, { EncryptionOptions: { UseAwsOwnedKey: false } }],
    ['the port without TLS', 'AWS::EC2::SecurityGroupIngress', { FromPort: 5672, ToPort: 5672 }],
    ['a rule for IP addresses', 'AWS::EC2::SecurityGroupIngress', { CidrIp: '0.0.0.0/0' }],
    ['a batch that is too large', 'AWS::Lambda::EventSourceMapping', { BatchSize: 100 }],
    ['a mapping without a password', 'AWS::Lambda::EventSourceMapping', { SourceAccessConfigurations: [] }],
  ])('find %s', (_, type, properties) => {
    expect(brokerFaults(template)).toEqual([])
    expect(brokerFaults(changed(type, properties))).not.toEqual([])
  })

  it('the rules find a password in clear also if the name of the broker’s user is a reference to a secret', () => {
    const users = [{ Username: '{{resolve:secretsmanager:x}}', Password: 'not-so-secret' }]

    expect(brokerFaults(changed(Broker, { Users: users }))).not.toEqual([])
  })

  it('the logical ids of the stack stay the same if the instance type of the broker changes, so no resource is replaced', () => {
    const { template: other } = synthesizeText(withQueue('backend: rabbitmq, rabbitmq: { instance: mq.m7g.xlarge }'))

    expect(Object.keys(other.Resources)).toEqual(Object.keys(template.Resources))
  })
})
