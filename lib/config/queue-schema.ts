import * as z from 'zod'
import { duration, oneOf, section, text, wholeNumber } from './fields.ts'

/** The only instances of Amazon MQ that run RabbitMQ 4. */
const INSTANCES = ['medium', 'large', 'xlarge', '2xlarge', '4xlarge', '8xlarge', '12xlarge', '16xlarge'] as const

/** The most consumers. There is a limit, because each consumer's mapping is a resource of the stack, which may have 500. */
export const MOST_CONSUMERS = 20

const DAYS = ['MONDAY', 'TUESDAY', 'WEDNESDAY', 'THURSDAY', 'FRIDAY', 'SATURDAY', 'SUNDAY'] as const

const Maintenance = section({
  day: oneOf(...DAYS)
    .prefault('SUNDAY')
    .meta({ description: 'The day of the week.' }),
  time: text(/^(?:[01]\d|2[0-3]):[0-5]\d$/, 'a time of the day in UTC, in quotes, such as "03:00"')
    .prefault('03:00')
    .meta({ description: 'The time in UTC at which the window begins.', examples: ['22:30'] }),
})

/** The broker on Amazon MQ. The local system uses only `consumers`. */
export const RabbitMq = section({
  deployment: oneOf('single', 'cluster')
    .prefault('single')
    .meta({
      description:
        'One broker, or a cluster of three in several availability zones. With one broker, clients get 503 while AWS replaces or updates it. ' +
        'AWS cannot change this later: another value replaces the broker, and the messages in its queues are lost.',
    }),
  instance: oneOf(...INSTANCES.map(size => `mq.m7g.${size}` as const))
    .prefault('mq.m7g.medium')
    .meta({
      description: 'The size of each broker. AWS advises `mq.m7g.large` or more for production.',
      examples: ['mq.m7g.large'],
    }),
  version: oneOf('4.2', '4.3')
    .prefault('4.2')
    .meta({
      description:
        'The version of RabbitMQ, in quotes. A broker can be updated to a newer version, and never back. AWS installs patches by itself.',
      examples: ['4.3'],
    }),
  consumers: wholeNumber(1, MOST_CONSUMERS)
    .prefault(1)
    .meta({
      description:
        'The number of queues that a model has per priority. Lambda runs one invocation at a time per queue, so the number multiplies the throughput. ' +
        'All requests of one user are in the same queue. Queues can be added at any time; docs/queues.md explains how to remove queues.',
      examples: [4],
    }),
  egress: oneOf('nat', 'endpoints')
    .optional()
    .meta({
      description:
        'How the functions reach AWS and the models from the VPC that Sluice creates: through one NAT gateway, or ' +
        "through interface endpoints, without access to the internet. `nat` by default. With `endpoints`, models must be Bedrock's or SageMaker's in the region of the stack. " +
        '`egress` must not be set together with `network`: then the routes of your own VPC decide.',
      examples: ['endpoints'],
    }),
  maintenance: Maintenance.prefault({}).meta({
    description:
      'The weekly window of two hours in which AWS updates the broker. A single broker restarts in this window; the brokers of a cluster restart one after the other.',
  }),
})
export type RabbitMq = z.infer<typeof RabbitMq>

export const Queue = section({
  backend: oneOf('sqs', 'rabbitmq').prefault('sqs').meta({
    description:
      'The message queue that Sluice uses: Amazon SQS, or RabbitMQ on Amazon MQ (docs/queues.md compares them).',
  }),
  // SQS keeps a message for at most 14 days. The longest value is shorter, because a worker must still receive the message
  // of an expired request.
  expire_after: duration({
    min: '1m',
    max: '13d',
    example: '6h',
    description: 'A request that has not started after this time expires, and is not charged.',
  }).prefault('6h'),
  rabbitmq: RabbitMq.optional().meta({ description: 'The broker, if `backend` is `rabbitmq`.' }),
})
export type Queue = z.infer<typeof Queue>

/** Returns the broker of a pipeline, or undefined if its backend is SQS. */
export const rabbitMqOf = ({ backend, rabbitmq }: Queue): RabbitMq | undefined =>
  backend === 'rabbitmq' ? (rabbitmq ?? RabbitMq.parse({})) : undefined

const identifier = (prefix: string, what: string) =>
  text(new RegExp(`^${prefix}-[0-9a-z]{1,17}$`), `the id of ${what}, such as ${prefix}-0a1b2c3d4e5f67890`)

export const Network = section({
  vpc: identifier('vpc', 'a VPC').meta({
    description: 'The VPC in which the functions run, and the broker with `backend: rabbitmq`.',
    examples: ['vpc-0a1b2c3d4e5f67890'],
  }),
  availability_zones: z
    .array(
      text(/^[a-z0-9-]+$/, 'the name of an availability zone, such as eu-west-1a'),
      'must be a list of availability zones, such as [eu-west-1a, eu-west-1b]',
    )
    .min(1, 'must name at least one availability zone, such as [eu-west-1a]')
    .meta({
      description: 'The availability zones of the subnets, in the same order.',
      examples: [['eu-west-1a', 'eu-west-1b']],
    }),
  subnets: z
    .array(identifier('subnet', 'a subnet'), 'must be a list of subnets, such as [subnet-0a1b2c3d4e5f67890]')
    .min(1, 'must name at least one subnet, such as [subnet-0a1b2c3d4e5f67890]')
    .max(16, 'must name 16 subnets at most: Lambda takes no more')
    .refine(isUnique, 'must name each subnet once')
    .meta({
      description:
        'Private subnets of the VPC. Their routes must lead to DynamoDB, S3, the RDS Data API, Secrets Manager, SQS and the models, and with `managed_instances` to CloudWatch Logs: through a NAT gateway or through endpoints.',
      examples: [['subnet-0a1b2c3d4e5f67890', 'subnet-0b1b2c3d4e5f67890']],
    }),
  security_groups: z
    .array(identifier('sg', 'a security group'), 'must be a list of security groups, such as [sg-0a1b2c3d4e5f67890]')
    .min(1, 'must name at least one security group; leave it out to have some created')
    .max(5, 'must name 5 security groups at most: Lambda takes no more')
    .refine(isUnique, 'must name each security group once')
    .optional()
    .meta({
      description:
        'The security groups of all functions. They must allow outgoing HTTPS, the ports of the models, and port 5671 of the broker. By default, Sluice creates security groups.',
      examples: [['sg-0a1b2c3d4e5f67890']],
    }),
})
export type Network = z.infer<typeof Network>

function isUnique(values: readonly unknown[]): boolean {
  return new Set(values).size === values.length
}

/** The names of the backends in sentences. */
export const BACKEND_NAMES = { sqs: 'SQS', rabbitmq: 'RabbitMQ' } as const
