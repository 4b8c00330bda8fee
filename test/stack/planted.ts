import { functionOf, ofType, only, queueOf } from './queries.ts'
import type { Template } from './synthesized.ts'

/** An error that a test adds to a template of two models (`Shop-1`). A linter must find it. */
export interface Planted {
  readonly error: string
  /** The linter that must find it: a rule of Sluice (rules.ts), or cfn-lint. */
  readonly by: 'ours' | 'cfn-lint'
  plant(template: Template): Template
}

type Properties = Record<string, unknown>

/** The template with other properties of one resource. */
function withProperties(template: Template, id: string, change: (properties: Properties) => Properties): Template {
  const resource = template.Resources[id]
  if (!resource) throw new Error(`there is no resource ${id}`)
  const Resources = { ...template.Resources, [id]: { ...resource, Properties: change({ ...resource.Properties }) } }
  return { ...template, Resources }
}

const ofWorker = (template: Template): string => functionOf(template, 'worker-text').id
const ofQueue = (template: Template): string => queueOf(template, 'Shop-1-inference-text-normal').id

function ofMapping(template: Template): string {
  const source = JSON.stringify({ 'Fn::GetAtt': [ofQueue(template), 'Arn'] })
  const found = ofType(template, 'AWS::Lambda::EventSourceMapping').find(
    ({ Properties }) => JSON.stringify(Properties.EventSourceArn) === source,
  )
  if (!found) throw new Error('the queue has no mapping')
  return found.id
}

const set = (of: (template: Template) => string, properties: Properties) => (template: Template) =>
  withProperties(template, of(template), before => ({ ...before, ...properties }))

const without = (of: (template: Template) => string, name: string) => (template: Template) =>
  withProperties(template, of(template), ({ [name]: _, ...rest }) => rest)

const ofCluster = (template: Template): string => only(template, 'AWS::RDS::DBCluster').id

export const PLANTED: readonly Planted[] = [
  { error: 'a batch over 10 without a window', by: 'ours', plant: set(ofMapping, { BatchSize: 11 }) },
  {
    error: 'a function that outlives the visibility of its messages',
    by: 'ours',
    plant: set(ofWorker, { Timeout: 300 }),
  },
  { error: 'two queues of one name', by: 'ours', plant: set(ofQueue, { QueueName: 'Shop-1-results' }) },
  {
    error: 'a dead-letter queue that forgets earlier',
    by: 'ours',
    plant: set(template => queueOf(template, 'Shop-1-inference-dlq').id, { MessageRetentionPeriod: 60 }),
  },
  {
    error: 'a database that is deleted with the stack',
    by: 'ours',
    plant: template => {
      const id = ofCluster(template)
      const { DeletionPolicy: _, ...cluster } = only(template, 'AWS::RDS::DBCluster')
      return { ...template, Resources: { ...template.Resources, [id]: cluster } }
    },
  },
  {
    error: 'too many variables of a function',
    by: 'ours',
    plant: set(ofWorker, { Environment: { Variables: { LONG: 'x'.repeat(4_096) } } }),
  },
  { error: 'a property that no resource has', by: 'cfn-lint', plant: set(ofQueue, { VisibilityTimeoutSeconds: 90 }) },
  { error: 'a text in place of a number', by: 'cfn-lint', plant: set(ofWorker, { Timeout: 'ninety' }) },
  {
    error: 'a reference to a resource that is not there',
    by: 'cfn-lint',
    plant: set(ofMapping, { FunctionName: { Ref: 'Nobody' } }),
  },
  {
    error: 'an attribute that a resource does not have',
    by: 'cfn-lint',
    plant: set(ofMapping, { EventSourceArn: { 'Fn::GetAtt': ['ResultsWorkQueue', 'Address'] } }),
  },
  { error: 'a required property that is missing', by: 'cfn-lint', plant: without(ofMapping, 'FunctionName') },
  { error: 'a runtime that Lambda does not have', by: 'cfn-lint', plant: set(ofWorker, { Runtime: 'nodejs9.x' }) },
  { error: 'more memory than a function may have', by: 'ours', plant: set(ofWorker, { MemorySize: 20_480 }) },
  { error: 'a visibility over twelve hours', by: 'cfn-lint', plant: set(ofQueue, { VisibilityTimeout: 43_201 }) },
  {
    error: 'two resources that wait for each other',
    by: 'cfn-lint',
    plant: template => {
      const id = ofQueue(template)
      const queue = template.Resources[id]
      if (!queue) throw new Error('there is no queue')
      return { ...template, Resources: { ...template.Resources, [id]: { ...queue, DependsOn: [ofMapping(template)] } } }
    },
  },
  {
    error: 'a concurrency that Lambda does not allow',
    by: 'ours',
    plant: set(ofMapping, { ScalingConfig: { MaximumConcurrency: 1 } }),
  },
]
