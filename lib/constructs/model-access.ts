import { ArnFormat, Aws, CfnOutput, Stack, Validations } from 'aws-cdk-lib'
import { type IRole, Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { regionOf } from '../../functions/core/platform/region.ts'
import type { Model } from '../config/model-schema.ts'
import { type Access, bedrockAccess, type WriteArn } from './bedrock-access.ts'
import type { SluiceFunction } from './function.ts'

/**
 * Gives a worker the permissions that its model's `auth` needs, and no more. If the URL does not name the resource, the
 * operator must give the permission to the worker's role. The role is then an output of the stack (docs/recipes.md).
 */
export function allowModelAccess(worker: SluiceFunction, { endpoint, batch }: Model): void {
  const { auth, url } = endpoint
  if (auth === undefined) return
  if ('secret' in auth) worker.allow(['secretsmanager:GetSecretValue'], [secretArn(worker, auth.secret)])
  else allowSignedCalls(worker, auth.sigv4, batch?.url === undefined ? [url] : [url, batch.url])
}

function allowSignedCalls(worker: SluiceFunction, service: string, urls: readonly string[]): void {
  const known = urls.map(url => accessOf(worker, service, new URL(url))).filter(access => access !== undefined)
  if (known.length < urls.length) new CfnOutput(worker, 'RoleArn', { value: worker.role.roleArn })
  for (const [at, { action, resources, behindProfile }] of known.entries()) {
    worker.allow([action], [...resources])
    if (behindProfile) allowBehindProfile(new Construct(worker, `Url${at}`), worker.role, behindProfile)
  }
}

function accessOf(scope: Construct, service: string, url: URL): Access | undefined {
  const region = regionOf(url.hostname)
  const arn: WriteArn = (resource, resourceName, ofRegion = region, account) =>
    Stack.of(scope).formatArn({
      service,
      resource,
      resourceName,
      ...(ofRegion !== undefined && { region: ofRegion }),
      ...(account !== undefined && { account }),
    })
  switch (service) {
    case 'sagemaker':
      return sagemakerAccess(arn, url)
    case 'bedrock':
      return bedrockAccess(arn, url)
    case 'execute-api':
      return apiAccess(arn, url)
    default:
      return undefined
  }
}

function sagemakerAccess(arn: WriteArn, { pathname }: URL): Access | undefined {
  const [, name] = /^\/endpoints\/([A-Za-z0-9-]{1,63})\/invocations$/.exec(pathname) ?? []
  if (name === undefined) return undefined
  // SageMaker ignores the case of a name, and its ARNs are in lower case. Both spellings mean the same endpoint.
  const resources = [...new Set([name, name.toLowerCase()])].map(of => arn('endpoint', of))
  return { action: 'sagemaker:InvokeEndpoint', resources }
}

/** Allows two routes, because the path of an HTTP API with the stage `$default` begins without a stage. */
function apiAccess(arn: WriteArn, { hostname, pathname }: URL): Access | undefined {
  const [, api] = /^([a-z0-9]+)\.execute-api\./.exec(hostname) ?? []
  const [, stage, path = ''] = /^\/([\w-]+)((?:\/[\w.~:@-]*)*)$/.exec(pathname) ?? []
  if (api === undefined || stage === undefined) return undefined
  const resources = [`${stage}/POST${path || '/'}`, `$default/POST${pathname}`].map(route => arn(api, route))
  return { action: 'execute-api:Invoke', resources }
}

/** Allows foundation models through a profile. Each gets its own policy, so that cdk-nag's acknowledgement covers nothing else. */
function allowBehindProfile(
  scope: Construct,
  role: IRole,
  { profile, model }: NonNullable<Access['behindProfile']>,
): void {
  const arn = (partition: string) => `arn:${partition}:bedrock:*::foundation-model/${model}`
  const policy = new Policy(scope, 'BehindProfile', { roles: [role] })
  policy.addStatements(
    new PolicyStatement({
      actions: ['bedrock:InvokeModel'],
      resources: [arn(Aws.PARTITION)],
      conditions: { StringEquals: { 'bedrock:InferenceProfileArn': profile } },
    }),
  )
  Validations.of(policy).acknowledge({
    id: `AwsSolutions-IAM5[Resource::${arn('<AWS::Partition>')}]`,
    reason:
      'The profile chooses the region, of a set that AWS extends; the condition allows the model by way of it alone.',
  })
}

/**
 * Returns the ARN of a secret. Secrets Manager adds six characters to the name. The secret belongs to the operator. If
 * it is encrypted with a KMS key of the operator, the policy of that key has to allow the worker's role to decrypt.
 */
const secretArn = (scope: Construct, name: string): string =>
  Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: `${name}-??????`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })
