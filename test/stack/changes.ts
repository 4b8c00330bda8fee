import { fullDiff, type ResourceDifference, ResourceImpact } from '@aws-cdk/cloudformation-diff'
import { variablesOf } from './queries.ts'
import type { Resource, Template } from './synthesized.ts'

/** The effects of a stack’s update on its resources, in words. An empty text means no effect. */
export interface Changes {
  readonly created: string
  readonly updated: string
  readonly deleted: string
  readonly replaced: string
}

const KINDS: Readonly<Record<ResourceImpact, keyof Changes | undefined>> = {
  [ResourceImpact.NO_CHANGE]: undefined,
  [ResourceImpact.WILL_CREATE]: 'created',
  [ResourceImpact.WILL_IMPORT]: 'created',
  [ResourceImpact.WILL_UPDATE]: 'updated',
  [ResourceImpact.MAY_REPLACE]: 'replaced',
  [ResourceImpact.WILL_REPLACE]: 'replaced',
  [ResourceImpact.WILL_DESTROY]: 'deleted',
  [ResourceImpact.WILL_ORPHAN]: 'deleted',
}

/**
 * The kind of a change. AWS’s specification, which says what a change of a property does, has no custom resources. CloudFormation
 * updates a custom resource at each change of a property.
 */
function kindOf({ changeImpact, propertyUpdates }: ResourceDifference): keyof Changes | undefined {
  const changesProperties = Object.keys(propertyUpdates).length > 0
  return KINDS[changeImpact] ?? (changesProperties ? 'updated' : undefined)
}

/** Compares two templates of a stack. AWS’s specification says which changed property replaces a resource. */
export function changesBetween(before: Template, after: Template): Changes {
  const found: Record<keyof Changes, [id: string, resource: Resource][]> = {
    created: [],
    updated: [],
    deleted: [],
    replaced: [],
  }
  // `fullDiff` changes its arguments, so it gets copies of the templates.
  const { resources } = fullDiff(structuredClone(before), structuredClone(after))
  resources.forEachDifference((id: string, difference: ResourceDifference) => {
    const kind = kindOf(difference)
    const resource = after.Resources[id] ?? before.Resources[id]
    if (kind && resource) found[kind].push([id, resource])
  })
  const { created, updated, deleted, replaced } = found
  return {
    created: inWords(created),
    updated: inWords(updated),
    deleted: inWords(deleted),
    replaced: inWords(replaced),
  }
}

/** The types whose resources are listed one by one, and their names in the list. */
const NAMED: Readonly<Record<string, { word: string; name: (resource: Resource) => string }>> = {
  'AWS::Lambda::Function': {
    word: 'function',
    name: fn => afterPipeline(String(variablesOf(fn).POWERTOOLS_SERVICE_NAME)),
  },
  'AWS::SQS::Queue': { word: 'queue', name: ({ Properties }) => afterPipeline(String(Properties.QueueName)) },
}

const afterPipeline = (name: string): string => name.replace(/^Shop-1-/, '')

/** The types whose resources are only counted. */
const COUNTED: Readonly<Record<string, readonly [one: string, many: string]>> = {
  'AWS::Lambda::EventSourceMapping': ['mapping', 'mappings'],
  'AWS::CloudWatch::Alarm': ['alarm', 'alarms'],
  'AWS::CloudWatch::Dashboard': ['dashboard', 'dashboards'],
  'AWS::IAM::Policy': ['policy of a role', 'policies of roles'],
  'AWS::IAM::Role': ['role', 'roles'],
  'AWS::Logs::LogGroup': ['log group', 'log groups'],
  'AWS::Logs::MetricFilter': ['metric filter', 'metric filters'],
  'AWS::SQS::QueuePolicy': ['queue policy', 'queue policies'],
  'AWS::S3::Bucket': ['bucket', 'buckets'],
  'AWS::S3::BucketPolicy': ['bucket policy', 'bucket policies'],
  'AWS::RDS::DBCluster': ['database cluster', 'database clusters'],
  'AWS::RDS::DBInstance': ['database instance', 'database instances'],
  'AWS::SecretsManager::Secret': ['secret', 'secrets'],
  'AWS::Events::Rule': ['schedule', 'schedules'],
  'AWS::Lambda::Permission': ['permission', 'permissions'],
  'AWS::Lambda::EventInvokeConfig': ['invoke configuration', 'invoke configurations'],
  'Custom::LedgerMigrations': ['migration of the database', 'migrations of the database'],
}

function inWords(resources: readonly (readonly [id: string, resource: Resource])[]): string {
  const byType = Map.groupBy(resources, ([, { Type }]) => Type)
  const named = Object.entries(NAMED).flatMap(([type, { word, name }]) => {
    const names = (byType.get(type) ?? []).map(([, resource]) => `\`${name(resource)}\``).sort()
    return names.length === 0 ? [] : [`${word}${names.length === 1 ? '' : 's'} ${names.join(', ')}`]
  })
  const counted = Object.entries(COUNTED).flatMap(([type, [one, many]]) => {
    const { length } = byType.get(type) ?? []
    return length === 0 ? [] : [length === 1 ? one : `${length} ${many}`]
  })
  const unknown = [...byType.keys()].filter(type => !Object.hasOwn(NAMED, type) && !Object.hasOwn(COUNTED, type))
  if (unknown.length > 0) throw new Error(`no word for ${unknown.join(', ')}`)
  return [...named, ...counted].join('; ')
}
