import { brokerFaults, isOfBroker } from './broker-rules.ts'
import { ofType } from './queries.ts'
import type { Resource, Template } from './synthesized.ts'

/**
 * Rules of AWS that cfn-lint does not check, for example because they concern two resources together. CloudFormation would find
 * such a mistake only in the middle of a deployment.
 */

/** Lists the faults of a template that AWS would refuse, or that would lose data. */
export function faultsOf(template: Template): string[] {
  return [
    ...ofType(template, 'AWS::Lambda::EventSourceMapping')
      .filter(mapping => !isOfBroker(mapping))
      .flatMap(mapping => mappingFaults(template, mapping)),
    ...brokerFaults(template),
    ...ofType(template, 'AWS::SQS::Queue').flatMap(queue => queueFaults(template, queue)),
    ...ofType(template, 'AWS::Lambda::Function').flatMap(functionFaults),
    ...ofType(template, 'AWS::CloudWatch::Alarm').flatMap(alarmFaults),
    ...policyFaults(template),
    ...KEPT.flatMap(type => ofType(template, type).flatMap(keptFaults)),
    ...sizeFaults(template),
  ]
}

const LARGEST_BATCH_WITHOUT_WINDOW = 10
const LARGEST_BATCH = 10_000
const LEAST_CONCURRENCY = 2
const MOST_CONCURRENCY = 1_000

type Found = Resource & { readonly id: string }

function mappingFaults(template: Template, { id, Properties }: Found): string[] {
  const batch = Number(Properties.BatchSize)
  const window = Number(Properties.MaximumBatchingWindowInSeconds ?? 0)
  const { MaximumConcurrency = LEAST_CONCURRENCY } = (Properties.ScalingConfig ?? {}) as { MaximumConcurrency?: number }
  const queue = resourceOf(template, Properties.EventSourceArn)
  const fn = resourceOf(template, Properties.FunctionName)
  return [
    ...(batch > LARGEST_BATCH_WITHOUT_WINDOW && window < 1
      ? [`${id}: a batch over ${LARGEST_BATCH_WITHOUT_WINDOW} needs a window of a second or more`]
      : []),
    ...(batch > LARGEST_BATCH ? [`${id}: a batch has at most ${LARGEST_BATCH} messages`] : []),
    ...(MaximumConcurrency < LEAST_CONCURRENCY || MaximumConcurrency > MOST_CONCURRENCY
      ? [`${id}: the maximum concurrency is from ${LEAST_CONCURRENCY} to ${MOST_CONCURRENCY}`]
      : []),
    ...(queue && fn && Number(queue.Properties.VisibilityTimeout) < Number(fn.Properties.Timeout) + window
      ? [`${id}: messages become visible again before the function and its window end`]
      : []),
  ]
}

const LONGEST_QUEUE_NAME = 80

function queueFaults(template: Template, { id, Properties }: Found): string[] {
  const name = String(Properties.QueueName)
  const twins = ofType(template, 'AWS::SQS::Queue').filter(other => other.Properties.QueueName === name)
  const { deadLetterTargetArn } = (Properties.RedrivePolicy ?? {}) as { deadLetterTargetArn?: unknown }
  const target = deadLetterTargetArn === undefined ? undefined : resourceOf(template, deadLetterTargetArn)
  return [
    ...(name.length > LONGEST_QUEUE_NAME ? [`${id}: the name has over ${LONGEST_QUEUE_NAME} characters`] : []),
    ...(twins.length > 1 ? [`${id}: another queue has the same name`] : []),
    ...(deadLetterTargetArn !== undefined && target === undefined
      ? [`${id}: its dead-letter queue is not in the template`]
      : []),
    ...(target !== undefined &&
    Number(target.Properties.MessageRetentionPeriod) < Number(Properties.MessageRetentionPeriod)
      ? [`${id}: its dead-letter queue keeps messages for a shorter time`]
      : []),
  ]
}

/**
 * MOST_VARIABLES: the most bytes that all environment variables of a function may have. AWS decides some of the values, such as
 * ARNs and URLs, at the deployment. Each of these values counts as MADE_BY_AWS bytes, the length of the longest one.
 */
const MOST_VARIABLES = 4_096
const MADE_BY_AWS = 200
const LEAST_MEMORY = 128
const MOST_MEMORY = 10_240

function functionFaults({ id, Properties }: Found): string[] {
  const { Variables = {} } = (Properties.Environment ?? {}) as { Variables?: Record<string, unknown> }
  const bytes = Object.entries(Variables).reduce((sum, [name, value]) => sum + name.length + lengthOf(value), 0)
  const memory = Number(Properties.MemorySize)
  return [
    ...(bytes > MOST_VARIABLES ? [`${id}: its variables have over ${MOST_VARIABLES} bytes`] : []),
    ...(memory < LEAST_MEMORY || memory > MOST_MEMORY
      ? [`${id}: the memory is from ${LEAST_MEMORY} to ${MOST_MEMORY} MB`]
      : []),
  ]
}

const lengthOf = (value: unknown): number =>
  typeof value === 'string' ? Buffer.byteLength(value) : MADE_BY_AWS * Math.max(1, intrinsicsIn(value))

const intrinsicsIn = (value: unknown): number => (JSON.stringify(value).match(/"(Ref|Fn::GetAtt)"/g) ?? []).length

const DAY_SECONDS = 86_400
const MOST_METRICS = 10
const LONGEST_DESCRIPTION = 1_024

function alarmFaults({ id, Properties }: Found): string[] {
  const metrics = (Properties.Metrics ?? []) as { MetricStat?: { Period: number } }[]
  const periods = [Number(Properties.Period ?? 0), ...metrics.map(({ MetricStat }) => MetricStat?.Period ?? 0)]
  const watched = Math.max(...periods) * Number(Properties.EvaluationPeriods)
  return [
    ...(watched > DAY_SECONDS ? [`${id}: it watches more than a day`] : []),
    ...(metrics.length > MOST_METRICS ? [`${id}: it has over ${MOST_METRICS} metrics and expressions`] : []),
    ...(String(Properties.AlarmDescription ?? '').length > LONGEST_DESCRIPTION
      ? [`${id}: its description is too long`]
      : []),
  ]
}

const MOST_POLICY_OF_ROLE = 10_240
const MOST_POLICY_OF_BUCKET = 20_480

/** The number of characters of a policy when it is deployed: without spaces, and with an ARN of usual length per reference. */
const policySize = (document: unknown): number =>
  JSON.stringify(document).replaceAll(/\{"(Ref|Fn::GetAtt)":[^}]+\}/g, 'x'.repeat(MADE_BY_AWS / 2)).length

function policyFaults(template: Template): string[] {
  const ofRoles = Map.groupBy(ofType(template, 'AWS::IAM::Policy'), ({ Properties }) =>
    JSON.stringify(Properties.Roles),
  )
  const roles = [...ofRoles].flatMap(([role, policies]) => {
    const size = policies.reduce((sum, { Properties }) => sum + policySize(Properties.PolicyDocument), 0)
    return size > MOST_POLICY_OF_ROLE ? [`the policies of ${role} have over ${MOST_POLICY_OF_ROLE} characters`] : []
  })
  const buckets = ofType(template, 'AWS::S3::BucketPolicy')
    .filter(({ Properties }) => policySize(Properties.PolicyDocument) > MOST_POLICY_OF_BUCKET)
    .map(({ id }) => `${id}: the policy has over ${MOST_POLICY_OF_BUCKET} characters`)
  return [...roles, ...buckets]
}

/** The types of resources with data that exists nowhere else. */
const KEPT = ['AWS::DynamoDB::GlobalTable', 'AWS::S3::Bucket', 'AWS::RDS::DBCluster']
const KEEPING: ReadonlySet<string | undefined> = new Set(['Retain', 'RetainExceptOnCreate', 'Snapshot'])

const keptFaults = ({ id, DeletionPolicy, UpdateReplacePolicy }: Found): string[] =>
  KEEPING.has(DeletionPolicy) && KEEPING.has(UpdateReplacePolicy) ? [] : [`${id}: its data would be deleted with it`]

const MOST_RESOURCES = 500
const MOST_OUTPUTS = 200
const MOST_BYTES = 1_048_576

function sizeFaults(template: Template): string[] {
  const { Resources, Outputs } = template
  return [
    ...(Object.keys(Resources).length > MOST_RESOURCES ? [`there are over ${MOST_RESOURCES} resources`] : []),
    ...(Object.keys(Outputs).length > MOST_OUTPUTS ? [`there are over ${MOST_OUTPUTS} outputs`] : []),
    ...(Buffer.byteLength(JSON.stringify(template)) > MOST_BYTES ? ['the template has over a mebibyte'] : []),
  ]
}

/** The resource of a reference. */
function resourceOf({ Resources }: Template, reference: unknown): Resource | undefined {
  const { Ref, 'Fn::GetAtt': attribute } = reference as { Ref?: string; 'Fn::GetAtt'?: [string, string] }
  const id = Ref ?? attribute?.[0]
  return id === undefined ? undefined : Resources[id]
}
