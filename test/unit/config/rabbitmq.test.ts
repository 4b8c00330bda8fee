import { describe, expect, it } from 'vitest'
import { executionsOf } from '../../../lib/config/executions.ts'
import { parseChecked, parsePipeline } from '../../../lib/config/load.ts'
import { rabbitMqOf } from '../../../lib/config/queue-schema.ts'
import { type Changes, endpoint, pipelineText, refusal } from './pipelines.ts'

const broker = (fields = ''): Changes => ({ queue: `queue: { backend: rabbitmq, rabbitmq: { ${fields} } }` })
const NETWORK =
  'vpc: vpc-0a1b2c3d4e5f67890, availability_zones: [eu-west-1a, eu-west-1b], subnets: [subnet-1, subnet-2]'
const network = (fields = NETWORK): Changes => ({ extra: `network: { ${fields} }` })
const observing = (fields: string): Changes => ({ extra: `observability: { ${fields} }` })
const IN_AWS = endpoint(
  'url: "https://bedrock-runtime.eu-west-1.amazonaws.com/model/amazon.nova-lite-v1:0/invoke", auth: { sigv4: bedrock }',
)
const concurrency = (value: string): Changes => ({ extra: `    concurrency: ${value}` })

const parse = (changes: Changes) => parsePipeline(pipelineText(changes), {}, 'p.yaml')

describe('a pipeline with queue.backend rabbitmq', () => {
  it('a pipeline with queue.backend rabbitmq needs no further settings', () => {
    const { queue } = parse({ queue: 'queue: { backend: rabbitmq }' })

    expect(rabbitMqOf(queue)).toEqual({
      deployment: 'single',
      instance: 'mq.m7g.medium',
      version: '4.2',
      consumers: 1,
      maintenance: { day: 'SUNDAY', time: '03:00' },
    })
  })

  it('a pipeline may keep queue.rabbitmq with backend sqs, which ignores it, so one variable can change the backend', () => {
    const text = pipelineText({ queue: 'queue: { backend: "$' + '{QUEUE_BACKEND:sqs}", rabbitmq: { consumers: 4 } }' })

    expect(rabbitMqOf(parsePipeline(text, {}, 'p.yaml').queue)).toBeUndefined()
    expect(rabbitMqOf(parsePipeline(text, { QUEUE_BACKEND: 'rabbitmq' }, 'p.yaml').queue)?.consumers).toBe(4)
  })
})

describe('the key network of a pipeline', () => {
  it('the key network is accepted with SQS and with RabbitMQ', () => {
    expect(parse(network()).network?.subnets).toEqual(['subnet-1', 'subnet-2'])
    expect(parse({ ...broker(), ...network(`${NETWORK}, security_groups: [sg-1]`) }).network?.security_groups).toEqual([
      'sg-1',
    ])
  })
})

describe('the check of a pipeline with queue.rabbitmq or network', () => {
  it.each<[string, Changes, string]>([
    [
      'a broker without a backend',
      { queue: 'queue: { rabbitmq: { consumers: 4 } }' },
      'p.yaml:2:10: queue.rabbitmq needs queue.backend: rabbitmq, since the default of backend is sqs',
    ],
    [
      'an instance type that does not run RabbitMQ 4',
      broker('instance: mq.t3.micro'),
      'p.yaml:2:51: queue.rabbitmq.instance must be one of mq.m7g.medium, mq.m7g.large, mq.m7g.xlarge, mq.m7g.2xlarge, mq.m7g.4xlarge, mq.m7g.8xlarge, mq.m7g.12xlarge, mq.m7g.16xlarge, not "mq.t3.micro"',
    ],
    [
      'RabbitMQ 3',
      broker('version: "3.13"'),
      'p.yaml:2:50: queue.rabbitmq.version must be one of 4.2, 4.3, not "3.13"',
    ],
    [
      'no consumers',
      broker('consumers: 0'),
      'p.yaml:2:52: queue.rabbitmq.consumers must be a whole number from 1 to 20, not 0',
    ],
    [
      'a time of the day that does not exist',
      broker('maintenance: { time: "24:00" }'),
      'p.yaml:2:62: queue.rabbitmq.maintenance.time must be a time of the day in UTC, in quotes, such as "03:00", not "24:00"',
    ],
    [
      'egress in addition to a given VPC',
      { ...broker('egress: nat'), ...network() },
      'p.yaml:2:41: queue.rabbitmq.egress must not be there beside network: the routes of that VPC decide how functions reach AWS and the models',
    ],
    [
      'a model on the internet in a VPC without a way to the internet',
      broker('egress: endpoints'),
      "p.yaml:12:22: models.text.endpoint.url can't be reached with queue.rabbitmq.egress: endpoints, which has no way to the internet; it must be Bedrock's or SageMaker's with auth: { sigv4: … }, or egress must be nat",
    ],
    [
      'a public receiver of traces in a VPC without a way to the internet',
      {
        ...broker('egress: endpoints'),
        ...IN_AWS,
        ...observing('tracing: { endpoint: "https://203.0.113.7/v1/traces" }'),
      },
      "p.yaml:15:39: observability.tracing.endpoint can't be reached with queue.rabbitmq.egress: endpoints, which has no way to the internet; it must be an address inside the VPC or xray, or egress must be nat",
    ],
    [
      'a public receiver of metrics in a VPC without a way to the internet',
      {
        ...broker('egress: endpoints'),
        ...IN_AWS,
        ...observing('metrics: { endpoint: "https://[2001:db8::1]/v1/metrics" }'),
      },
      "p.yaml:15:39: observability.metrics.endpoint can't be reached with queue.rabbitmq.egress: endpoints, which has no way to the internet; it must be an address inside the VPC, or egress must be nat",
    ],
    [
      "AWS's own receiver in a region for which the VPC may have no endpoint",
      {
        ...broker('egress: endpoints'),
        ...IN_AWS,
        ...observing('tracing: { endpoint: "https://xray.us-west-2.amazonaws.com/v1/traces" }'),
      },
      'p.yaml:15:39: observability.tracing.endpoint must be xray: with queue.rabbitmq.egress: endpoints, functions reach X-Ray in the region of the stack alone',
    ],
    [
      'a default concurrency that is lower than the number of queues that make calls',
      broker('consumers: 20'),
      'p.yaml:11:3: models.text.concurrency must be 1, or at least 20, and is 10 by default for high requests: with queue.rabbitmq.consumers, that many queues make a call at the same time',
    ],
    [
      'a concurrency lower than the number of queues that make calls',
      { ...broker('consumers: 4'), ...concurrency('3') },
      'p.yaml:15:18: models.text.concurrency must be 1, or at least 4, and is 3 for high requests: with queue.rabbitmq.consumers, that many queues make a call at the same time',
    ],
    [
      'a VPC that is no id',
      network('vpc: main, availability_zones: [a], subnets: [subnet-1]'),
      'p.yaml:15:17: network.vpc must be the id of a VPC, such as vpc-0a1b2c3d4e5f67890, not "main"',
    ],
    [
      'a subnet that is no id',
      network('vpc: vpc-1, availability_zones: [a], subnets: [private]'),
      'p.yaml:15:59: network.subnets[0] must be the id of a subnet, such as subnet-0a1b2c3d4e5f67890, not "private"',
    ],
    [
      'a subnet without an availability zone',
      network('vpc: vpc-1, availability_zones: [a], subnets: [subnet-1, subnet-2]'),
      'p.yaml:15:44: network.availability_zones must name 2: one for each of the subnets, in the same order',
    ],
    [
      'a cluster of brokers in one availability zone',
      {
        ...broker('deployment: cluster'),
        ...network('vpc: vpc-1, availability_zones: [a, a], subnets: [subnet-1, subnet-2]'),
      },
      'p.yaml:15:61: network.subnets must be in different availability zones: the broker is a cluster, which takes one subnet per zone',
    ],
    [
      'a network without subnets',
      network('vpc: vpc-1, availability_zones: [a]'),
      'p.yaml:15:1: network.subnets is missing; it must be a list of subnets, such as [subnet-0a1b2c3d4e5f67890]',
    ],
    [
      'managed instances without a network',
      { extra: 'managed_instances: {}' },
      'p.yaml:15:1: managed_instances needs network: the VPC and the subnets in which the instances run',
    ],
    [
      'managed instances with a broker',
      { ...broker(), extra: `network: { ${NETWORK} }\nmanaged_instances: {}` },
      'p.yaml:16:1: managed_instances must not be there with queue.backend: rabbitmq: Lambda gives managed instances no messages of a broker',
    ],
    [
      'no environment of a managed instance',
      { extra: `network: { ${NETWORK} }\nmanaged_instances: { environments: 0 }` },
      'p.yaml:16:36: managed_instances.environments must be a whole number from 1 to 1,000, not 0',
    ],
    [
      'more queues than the concurrent executions of the account',
      { ...broker('consumers: 10'), extra: 'account_concurrency: 10' },
      'p.yaml:15:22: account_concurrency must be at least 44: the 42 queues with a consumer take one execution each, and the API needs 2; ask AWS for more, or have fewer models and inputs',
    ],
  ])('the check reports a mistake with its line and column: %s', (_name, changes, expected) => {
    expect(refusal(pipelineText(changes))).toBe(expected)
  })

  it('the check warns of a concurrency that the queues of the broker can’t reach', () => {
    const { warnings } = parseChecked(pipelineText({ ...broker('consumers: 2'), ...concurrency('100') }), {}, 'p.yaml')

    expect(warnings).toEqual([
      {
        file: 'p.yaml',
        line: 15,
        column: 18,
        message:
          'models.text.concurrency is 100, but RabbitMQ gives 40 simultaneous calls with queue.rabbitmq.consumers: 2; 5 consumers would give all',
      },
    ])
  })

  it.each([
    'http://10.1.2.3:4318/v1/traces',
    'http://192.168.0.9:4318/v1/traces',
    'http://[fd12::1]:4318/v1/traces',
    'http://otel.prod.internal:4318/v1/traces',
    'http://collector:4318/v1/traces',
    'http://internal-otel-1.eu-west-1.elb.amazonaws.com/v1/traces',
  ])('the check accepts the receiver %s inside a VPC without a way to the internet', endpoint => {
    const traces = observing(`tracing: { endpoint: "${endpoint}" }`)
    const { warnings } = parseChecked(
      pipelineText({ ...broker('egress: endpoints'), ...IN_AWS, ...traces }),
      {},
      'p.yaml',
    )

    expect(warnings).toEqual([])
  })

  it('the check warns of a receiver of traces or metrics whose name may be public, if the VPC has no way to the internet', () => {
    const traces = observing('tracing: { endpoint: "https://collector.example.com/v1/traces" }')
    const warningsOf = (fields: string) =>
      parseChecked(pipelineText({ ...broker(fields), ...IN_AWS, ...traces }), {}, 'p.yaml').warnings

    expect(warningsOf('egress: endpoints')).toMatchObject([
      {
        line: 15,
        message: expect.stringMatching(/^observability\.tracing\.endpoint must be a name of an address inside/),
      },
    ])
    expect(warningsOf('egress: nat')).toEqual([])
  })

  it('the check accepts the models of AWS without a way to the internet', () => {
    const xray = observing('tracing: { endpoint: xray }')

    expect(refusal(pipelineText({ ...broker('egress: endpoints'), ...IN_AWS }))).toBe('accepted')
    expect(refusal(pipelineText({ ...broker('egress: endpoints'), ...IN_AWS, ...xray }))).toBe('accepted')
  })
})

describe('the concurrent Lambda executions with RabbitMQ', () => {
  const worker = (changes: Changes) => executionsOf(parse(changes)).worker('text', 'normal')

  it.each([
    [1, 10, { mapping: 1, calls: 10 }],
    [3, 10, { mapping: 3, calls: 3 }],
    [4, 1, { mapping: 4, calls: 1 }],
    [2, 100, { mapping: 2, calls: 20 }],
  ])(
    'the executions of the queues with RabbitMQ make at most as many simultaneous calls as concurrency allows, with %d consumers and a concurrency of %d',
    (consumers, calls, expected) => {
      expect(worker({ ...broker(`consumers: ${consumers}`), ...concurrency(String(calls)) })).toEqual(expected)
    },
  )

  it('the executions of the queues with RabbitMQ are one per queue, and each takes at most as many messages as fit into one Lambda event', () => {
    const executions = executionsOf(parse({ ...broker('consumers: 3'), extra: 'inputs: [{ queue: nightly }]' }))

    expect(executions).toMatchObject({ queues: 16, most: 16, least: 16, batches: { collector: 20, intake: 3 } })
  })
})
