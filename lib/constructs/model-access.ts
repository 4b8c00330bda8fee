import { ArnFormat, Aws, CfnOutput, Stack, Validations } from 'aws-cdk-lib'
import { type IRole, Policy, PolicyStatement } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { regionOf } from '../../functions/core/platform/region.ts'
import type { Model } from '../config/model-schema.ts'
import { type Access, bedrockAccess, type WriteArn } from './bedrock-access.ts'
import type { SluiceFunction } from './function.ts'

/**
 * Gives a worker the permissions that its model's `auth` needs, and no more. If the model's URL does not say which AWS
 * resource is called, the operator must give the permission to the worker's role. For this case, the stack has an
 * output with the ARN of the role (docs/recipes.md).
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
  // SageMaker ignores the case of an endpoint's name, but IAM compares ARNs with case, and SageMaker's ARNs are in
  // lower case. So both spellings are allowed. They mean the same endpoint.
  const resources = [...new Set([name, name.toLowerCase()])].map(of => arn('endpoint', of))
  return { action: 'sagemaker:InvokeEndpoint', resources }
}

/** Allows two ARNs, because the first part of the path may be a stage or not. With the stage `$default`, the path has no stage. */
function apiAccess(arn: WriteArn, { hostname, pathname }: URL): Access | undefined {
  const [, api] = /^([a-z0-9]+)\.execute-api\./.exec(hostname) ?? []
  const [, stage, path = ''] = /^\/([\w-]+)((?:\/[\w.~:@-]*)*)$/.exec(pathname) ?? []
  if (api === undefined || stage === undefined) return undefined
  const resources = [`${stage}/POST${path || '/'}`, `$default/POST${pathname}`].map(route => arn(api, route))
  return { action: 'execute-api:Invoke', resources }
}

/**
 * Allows calls of foundation models through an inference profile. Each profile gets its own policy. cdk-nag reports the
 * wildcard for the region, and the code below acknowledges this finding for this policy only. So cdk-nag still reports
 * any other wildcard in the worker's rights.
 */
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
 * Returns the ARN of a secret. Secrets Manager adds a hyphen and six characters to the name, so the ARN ends with six
 * wildcards. The operator creates the secret. If the secret is encrypted with a KMS key of the operator, this key's
 * policy must allow the worker's role to decrypt.
 */
const secretArn = (scope: Construct, name: string): string =>
  Stack.of(scope).formatArn({
    service: 'secretsmanager',
    resource: 'secret',
    resourceName: `${name}-??????`,
    arnFormat: ArnFormat.COLON_RESOURCE_NAME,
  })
