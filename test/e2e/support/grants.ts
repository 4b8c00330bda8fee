import { readFileSync } from 'node:fs'
import { ACCOUNT, arn, PARTITION } from '../../../lib/local/arn.ts'
import { PSEUDO_PARAMETERS, resolve } from '../../../lib/local/intrinsics.ts'
import type { Resource, Template } from '../../stack/synthesized.ts'

/** A call to AWS by a function, in the terms of IAM (AWS's permissions): the function, the action and the resource. */
export interface Deed {
  readonly function_name: string
  readonly action: string
  readonly resource: string
}

type Call = Record<'function_name' | 'service' | 'method' | 'path' | 'target' | 'body', string>

/** The different actions in a file that `record-aws-calls.ts` wrote. */
export function deedsIn(file: string): Deed[] {
  const calls: Call[] = readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
  const deeds = calls.flatMap(call => deedsOf(call).map(deed => ({ function_name: call.function_name, ...deed })))
  return [...new Map(deeds.map(deed => [JSON.stringify(deed), deed])).values()]
}

function deedsOf({ service, method, path, target, body }: Call): Omit<Deed, 'function_name'>[] {
  const said = service === 's3' ? {} : JSON.parse(body)
  // SQS has no permission for batch operations: it checks them with the permission for the single operation.
  const operation = target?.split('.')[1]?.replace(/Batch$/, '')
  switch (service) {
    case 'dynamodb': {
      const index = said.IndexName === undefined ? '' : `/index/${said.IndexName}`
      const tables = said.RequestItems ? Object.keys(said.RequestItems) : [said.TableName]
      return tables.map(table => ({
        action: `dynamodb:${operation}`,
        resource: arn('dynamodb', `table/${table}${index}`),
      }))
    }
    case 'sqs':
      return [{ action: `sqs:${operation}`, resource: arn('sqs', said.QueueUrl.split('/').at(-1)) }]
    case 's3':
      return [{ action: S3_ACTIONS[method] ?? 's3:GetObject', resource: bucketArn(keyOf(path)) }]
    case 'rds-data':
      return [
        { action: `rds-data:${path.replace(/^\/Execute$/, '/ExecuteStatement').slice(1)}`, resource: said.resourceArn },
        { action: 'secretsmanager:GetSecretValue', resource: said.secretArn },
      ]
    case 'secretsmanager':
      return [{ action: `secretsmanager:${operation}`, resource: said.SecretId }]
    default:
      throw new Error(`a call of ${service}, which has no words here`)
  }
}

const S3_ACTIONS: Readonly<Record<string, string>> = { DELETE: 's3:DeleteObject', PUT: 's3:PutObject' }
const keyOf = (path: string): string => path.replace(/\?.*$/, '').slice(1)
const bucketArn = (name: string): string => `arn:${PARTITION}:s3:::${name}`

interface Statement {
  readonly Action: string | string[]
  readonly Resource: string | string[]
  readonly Effect: string
  readonly Principal?: { readonly AWS?: string | string[] }
}

interface Properties {
  readonly Role: string
  readonly Roles?: string[]
  readonly PolicyDocument: { readonly Statement: Statement[] }
}

/** The actions of functions that neither the function's role nor the policy of the payload bucket allows. */
export async function ungranted(template: Template, stack: string, deeds: readonly Deed[]): Promise<Deed[]> {
  const names = namesOf(template, stack)
  const statements: (Statement & { readonly roles: string[] })[] = []
  const roleOf = new Map<string, string>()
  for (const [id, { Type, Properties }] of Object.entries(template.Resources)) {
    const properties = (await resolve(Properties, names)) as Properties
    if (Type === 'AWS::Lambda::Function') roleOf.set(`${stack}-${id}`, roleIn(properties.Role))
    if (Type !== 'AWS::IAM::Policy' && Type !== 'AWS::S3::BucketPolicy') continue
    for (const statement of properties.PolicyDocument.Statement.filter(({ Effect }) => Effect === 'Allow'))
      statements.push({ ...statement, roles: properties.Roles ?? listOf(statement.Principal?.AWS ?? []).map(roleIn) })
  }
  const isGranted = ({ function_name, action, resource }: Deed) =>
    statements.some(
      ({ roles, Action, Resource }) =>
        roles.includes(roleOf.get(function_name) ?? '') && matches(Action, action) && matches(Resource, resource),
    )
  return deeds.filter(deed => !isGranted(deed))
}

const roleIn = (roleArn: string): string => roleArn.replace(/^.*\//, '')

const listOf = (value: string | string[]): string[] => [value].flat()

const matches = (patterns: string | string[], text: string): boolean =>
  listOf(patterns).some(pattern => new RegExp(`^${pattern.split('*').map(RegExp.escape).join('.*')}$`).test(text))

/** The names and ARNs that the local system gives to resources. */
function namesOf({ Resources }: Template, stack: string) {
  const nameOf = (id: string): string => {
    const { Type, Properties } = Resources[id] as Resource
    const name = String(Properties.QueueName ?? `${stack}-${id}`)
    return Type === 'AWS::S3::Bucket' || Type === 'AWS::RDS::DBCluster' ? name.toLowerCase().slice(0, 63) : name
  }
  const arnOf: Record<string, (name: string) => string> = {
    'AWS::DynamoDB::GlobalTable': name => arn('dynamodb', `table/${name}`),
    'AWS::IAM::Role': name => `arn:${PARTITION}:iam::${ACCOUNT}:role/${name}`,
    'AWS::RDS::DBCluster': name => arn('secretsmanager', `secret:rds!cluster-${name}`),
    'AWS::S3::Bucket': bucketArn,
    'AWS::SQS::Queue': name => arn('sqs', name),
  }
  return {
    where: 'grants',
    ref: async (id: string) => {
      if (Resources[id]?.Type === 'AWS::SecretsManager::Secret') return arn('secretsmanager', `secret:${nameOf(id)}`)
      return PSEUDO_PARAMETERS[id] ?? nameOf(id)
    },
    attribute: async (id: string) => arnOf[Resources[id]?.Type ?? '']?.(nameOf(id)) ?? `${id} is of no matter`,
    condition: async () => true,
  }
}
