import { ofType } from './queries.ts'
import type { Resource, Template } from './synthesized.ts'

/**
 * Rules for the RabbitMQ broker of a template. cdk-nag, which checks the other resources, has no rules for Amazon MQ. AWS would
 * find some of these mistakes only in the middle of a deployment, and the others not at all.
 */

type Found = Resource & { readonly id: string }

const AMQPS_PORT = 5671
/**
 * The most messages in an event of an event source mapping. Lambda drops an event over 6 MB, so its messages would be lost. A message of Sluice
 * has less than 200 KB, and a third more in base64.
 */
const MOST_MESSAGES = 20

/** Lists the faults of the brokers in a template, and of the mappings and security groups that take messages from them. */
export const brokerFaults = (template: Template): string[] => [
  ...ofType(template, 'AWS::AmazonMQ::Broker').flatMap(broker => faultsOfBroker(template, broker)),
  ...ofType(template, 'AWS::Lambda::EventSourceMapping').filter(isOfBroker).flatMap(faultsOfMapping),
]

/** Whether an event source mapping takes messages from a broker. Only a mapping of a broker has the property `Queues`. */
export const isOfBroker = ({ Properties }: Resource): boolean => Properties.Queues !== undefined

function faultsOfBroker(template: Template, { id, Properties }: Found): string[] {
  const { EngineVersion, HostInstanceType, DeploymentMode, SubnetIds, Logs } = Properties
  const users = JSON.stringify(Properties.Users ?? [])
  const subnets = (SubnetIds as unknown[] | undefined)?.length ?? 0
  const rules: [boolean, string][] = [
    [Properties.PubliclyAccessible === false, 'it is public'],
    [Properties.EngineType === 'RABBITMQ' && Number(EngineVersion) >= 4.2, 'it is not RabbitMQ 4.2 or later'],
    [/^mq\.m7g\./.test(String(HostInstanceType)), 'RabbitMQ 4 needs an m7g instance'],
    [Properties.AutoMinorVersionUpgrade === true, 'AWS demands automatic patches'],
    [Properties.EncryptionOptions === undefined, 'AWS refuses a key of ours for RabbitMQ'],
    [(Logs as { General?: boolean } | undefined)?.General === true, 'it has no logs'],
    [(Logs as { Audit?: boolean } | undefined)?.Audit === undefined, 'RabbitMQ has no audit log'],
    [
      /\{\{resolve:secretsmanager:/.test(users) && !/"Password":"(?!\{\{)/.test(users),
      'its password is in the template',
    ],
    [DeploymentMode === 'CLUSTER_MULTI_AZ' || subnets === 1, 'a single broker has one subnet'],
    [Properties.MaintenanceWindowStartTime !== undefined, 'it has no maintenance window'],
  ]
  const faults = rules.flatMap(([holds, fault]) => (holds ? [] : [`${id}: ${fault}`]))
  return [...faults, ...openPorts(template, { id, Properties })]
}

interface Rule {
  readonly FromPort?: number
  readonly ToPort?: number
  readonly CidrIp?: string
  readonly CidrIpv6?: string
}

/** The faults of a broker’s ports: it may accept only AMQP with TLS, and only from security groups. */
function openPorts(template: Template, { id, Properties }: Pick<Found, 'id' | 'Properties'>): string[] {
  const groups = (Properties.SecurityGroups as { 'Fn::GetAtt'?: [string, string] }[] | undefined) ?? []
  const ids = groups.map(group => group['Fn::GetAtt']?.[0])
  const inline = ofType(template, 'AWS::EC2::SecurityGroup')
    .filter(group => ids.includes(group.id))
    .flatMap(group => (group.Properties.SecurityGroupIngress as Rule[] | undefined) ?? [])
  const separate = ofType(template, 'AWS::EC2::SecurityGroupIngress')
    .filter(rule =>
      ids.includes((rule.Properties.GroupId as { 'Fn::GetAtt'?: [string, string] })['Fn::GetAtt']?.[0] ?? ''),
    )
    .map(rule => rule.Properties as Rule)
  const rules = [...inline, ...separate]
  return [
    ...(rules.length === 0 ? [`${id}: nobody may reach it`] : []),
    ...(rules.some(({ FromPort, ToPort }) => FromPort !== AMQPS_PORT || ToPort !== AMQPS_PORT)
      ? [`${id}: it admits another port than ${AMQPS_PORT}`]
      : []),
    ...(rules.some(({ CidrIp, CidrIpv6 }) => CidrIp !== undefined || CidrIpv6 !== undefined)
      ? [`${id}: it admits addresses, and not only security groups`]
      : []),
  ]
}

function faultsOfMapping({ id, Properties }: Found): string[] {
  const access = (Properties.SourceAccessConfigurations as { Type: string }[] | undefined) ?? []
  const types = access.map(({ Type }) => Type).sort()
  return [
    ...(Number(Properties.BatchSize) > MOST_MESSAGES
      ? [`${id}: its events may have over 6 MB, which Lambda drops`]
      : []),
    ...(types.join() === 'BASIC_AUTH,VIRTUAL_HOST' ? [] : [`${id}: it needs a password and a virtual host`]),
    ...(Properties.ScalingConfig === undefined ? [] : [`${id}: only a mapping of SQS has a maximum concurrency`]),
  ]
}
