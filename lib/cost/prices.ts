/** A list price of AWS, in US dollars. `source` is the page of AWS that has it. */
export interface Price {
  readonly usd: number
  readonly unit: string
  readonly source: string
}

/** The month in which the prices were looked up. */
export const PRICES_AS_OF = '2026-11'

/** The region of all prices. They are prices on demand, without discounts. AWS's free tiers are left out. */
export const PRICES_REGION = 'us-east-1'

const MILLION = 1_000_000
const INSTANCE_HOUR_USD = 0.0816

const price = (usd: number, unit: string, source: string): Price => ({ usd, unit, source })

const SQS = 'https://aws.amazon.com/sqs/pricing/'
const LAMBDA = 'https://aws.amazon.com/lambda/pricing/'
const DYNAMODB = 'https://aws.amazon.com/dynamodb/pricing/on-demand/'
const AURORA = 'https://aws.amazon.com/rds/aurora/pricing/'
const MQ = 'https://aws.amazon.com/amazon-mq/pricing/'
const EC2 = 'https://aws.amazon.com/ec2/pricing/on-demand/'
const VPC = 'https://aws.amazon.com/vpc/pricing/'
const CLOUDWATCH = 'https://aws.amazon.com/cloudwatch/pricing/'

export const PRICES = {
  apiCall: price(1 / MILLION, 'call', 'https://aws.amazon.com/api-gateway/pricing/'),
  invocation: price(0.2 / MILLION, 'invocation', LAMBDA),
  /** The price for functions on arm64 processors, which Sluice uses. */
  gbSecond: price(0.0000133334, 'GB-second', LAMBDA),
  writeUnit: price(0.625 / MILLION, 'write unit', DYNAMODB),
  readUnit: price(0.125 / MILLION, 'read unit', DYNAMODB),
  tableGb: price(0.25, 'GB-month', DYNAMODB),
  recoveryGb: price(0.2, 'GB-month', DYNAMODB),
  sqsCall: price(0.4 / MILLION, 'call', SQS),
  /** The additional price of a call whose messages have a message group. With message groups, a standard queue of SQS is a fair queue. */
  fairQueueCall: price(0.1 / MILLION, 'call', SQS),
  /** AWS bills each 32 KB of a call as a call of its own. */
  dataApiCall: price(0.35 / MILLION, 'call', AURORA),
  capacityHour: price(0.12, 'ACU-hour', AURORA),
  databaseGb: price(0.1, 'GB-month', AURORA),
  databaseIo: price(0.2 / MILLION, 'I/O', AURORA),
  secret: price(0.4, 'secret', 'https://aws.amazon.com/secrets-manager/pricing/'),
  alarmMetric: price(0.1, 'metric of an alarm', CLOUDWATCH),
  customMetric: price(0.3, 'metric', CLOUDWATCH),
  dashboard: price(3, 'dashboard', CLOUDWATCH),
  logGb: price(0.5, 'GB', CLOUDWATCH),
  logStorageGb: price(0.03, 'GB-month', CLOUDWATCH),
  /** The price of a broker `mq.m7g.large`. Other sizes are computed in proportion to their cores. */
  brokerHour: price(0.2734, 'hour of a broker of 2 cores', MQ),
  brokerGb: price(0.1, 'GB-month', MQ),
  natHour: price(0.045, 'hour', VPC),
  natGb: price(0.045, 'GB', VPC),
  /** The price of an interface endpoint, per availability zone. */
  endpointHour: price(0.01, 'hour', 'https://aws.amazon.com/privatelink/pricing/'),
  addressHour: price(0.005, 'hour', VPC),
  transferGb: price(0.09, 'GB', `${EC2}#Data_Transfer`),
  instanceHour: price(INSTANCE_HOUR_USD, 'hour of an m7g.large', EC2),
  /** Lambda's fee for the management of an instance: 15% of the price of the instance. */
  instanceFeeHour: price(0.15 * INSTANCE_HOUR_USD, 'hour of an m7g.large', LAMBDA),
} satisfies Readonly<Record<string, Price>>
