import * as z from 'zod'
import { BYTES, HOURS_PER_MONTH } from './assumptions.ts'
import type { Template } from './inventory.ts'
import { type Item, item } from './item.ts'
import { PRICES } from './prices.ts'

const Broker = z.object({ HostInstanceType: z.string(), DeploymentMode: z.string() })
const Endpoint = z.object({ VpcEndpointType: z.string(), SubnetIds: z.array(z.unknown()).default([]) })

/**
 * The cores and the disk of a broker, for each size. `gb` is the size of the billed disk, in GB: in a cluster, for each
 * node. A single broker has a disk of 200 GB, but AWS bills only its used part, so the same number serves as an estimate.
 */
const SIZES: Readonly<Record<string, { readonly cores: number; readonly gb: number }>> = {
  medium: { cores: 1, gb: 5 },
  large: { cores: 2, gb: 15 },
  xlarge: { cores: 4, gb: 25 },
  '2xlarge': { cores: 8, gb: 45 },
  '4xlarge': { cores: 16, gb: 90 },
  '8xlarge': { cores: 32, gb: 175 },
  '12xlarge': { cores: 48, gb: 260 },
  '16xlarge': { cores: 64, gb: 345 },
}

/** The cores of the size `large`. The price per hour in prices.ts is for this size. */
const CORES_OF_LARGE = 2

/**
 * Returns the items that a broker and the VPC of the functions cost per month without traffic. For a template without
 * a broker, a NAT gateway and interface endpoints, the result is empty.
 */
export function brokerItems(template: Template): Item[] {
  const brokers = propertiesOf(template, 'AWS::AmazonMQ::Broker').map(found => Broker.parse(found))
  const endpoints = propertiesOf(template, 'AWS::EC2::VPCEndpoint')
    .map(found => Endpoint.parse(found))
    .filter(({ VpcEndpointType }) => VpcEndpointType === 'Interface')
  const zones = endpoints.reduce((sum, { SubnetIds }) => sum + SubnetIds.length, 0)
  const gateways = propertiesOf(template, 'AWS::EC2::NatGateway').length
  return [
    ...brokers.flatMap(ofBroker),
    ...(gateways > 0
      ? [
          item('VPC', 'NAT gateway', gateways * HOURS_PER_MONTH, PRICES.natHour),
          item('VPC', 'public address of the NAT gateway', gateways * HOURS_PER_MONTH, PRICES.addressHour),
        ]
      : []),
    ...(zones > 0 ? [item('VPC', 'interface endpoints, per zone', zones * HOURS_PER_MONTH, PRICES.endpointHour)] : []),
  ]
}

function ofBroker({ HostInstanceType, DeploymentMode }: z.infer<typeof Broker>): Item[] {
  const size = SIZES[HostInstanceType.replace(/^mq\.m7g\./, '')]
  if (!size) throw new Error(`the size of ${HostInstanceType} is not known`)
  const nodes = DeploymentMode === 'CLUSTER_MULTI_AZ' ? 3 : 1
  const hours = (nodes * HOURS_PER_MONTH * size.cores) / CORES_OF_LARGE
  return [
    item('Amazon MQ', `broker ${HostInstanceType}${nodes > 1 ? `, ${nodes} nodes` : ''}`, hours, PRICES.brokerHour),
    item('Amazon MQ', 'disk', nodes * size.gb, PRICES.brokerGb),
  ]
}

/**
 * Returns the cost of the data that passes the NAT gateway. Functions in the VPC call models and the Data API through the
 * NAT gateway, and AWS bills each GB. Log lines do not pass it, because Lambda itself sends them to CloudWatch, outside of
 * the VPC. For a template without a NAT gateway, the result is empty.
 */
export function passedItems(template: Template, requests: number): Item[] {
  if (propertiesOf(template, 'AWS::EC2::NatGateway').length === 0) return []
  const bytes = requests * (BYTES.transfer + BYTES.row)
  return [item('VPC', 'data through the NAT gateway', bytes / 1e9, PRICES.natGb)]
}

const propertiesOf = ({ Resources }: Template, type: string): unknown[] =>
  Object.values(Resources)
    .filter(({ Type }) => Type === type)
    .map(({ Properties }) => Properties)
