import type { Command } from 'commander'
import type { Environment } from '../../config/interpolate.ts'
import { REGION } from '../../local/arn.ts'
import { credentialsOf } from '../../local/trust/access-key.ts'
import type { Answer } from '../answer.ts'
import type { Place } from '../project.ts'
import type { LocalSystem } from '../running-locally.ts'
import { checkLocal } from '../target-choice.ts'

/** Adds the command `sluice env`. It needs only the local.json of the local system. */
export function addEnv(program: Command, { finish, ...place }: Place & { finish(answer: Answer): void }): void {
  program
    .command('env')
    .description('print variables that point the AWS CLI and SDKs at the local system: eval "$(npx sluice env)"')
    .action(async () => {
      checkLocal(program, 'env')
      const { runningLocally } = await import('../running-locally.ts')
      const variables = variablesOf(runningLocally(place), place.env)
      finish({ json: variables, lines: Object.entries(variables).map(shellLine) })
    })
}

/**
 * Returns the variables of AWS's tools, and the URLs of the input queues. A variable that is null must be unset:
 * otherwise a developer's own profile, session token or endpoints would be mixed with the variables of the local system,
 * and calls would reach the developer's account. AWS_ENDPOINT_URL applies to all services without a variable of their
 * own. The local system refuses calls to these services, so that no call leaves this machine.
 *
 * AWS_DEFAULT_REGION is not a region of AWS. The reason: for AWS's regions, the AWS CLI 1 has its own addresses of SQS,
 * and prefers them to AWS_ENDPOINT_URL_SQS. The AWS CLI 1 and boto3 read only AWS_DEFAULT_REGION. The other tools read
 * AWS_REGION first. Nothing else in the local system depends on the region.
 */
function variablesOf(
  { endpoints, accessKeyId, otherServices, outputs }: LocalSystem,
  env: Environment,
): Record<string, string | null> {
  const credentials = credentialsOf(accessKeyId)
  const inputs = Object.entries(outputs).filter(([name]) => INPUT_URL.test(name))
  return {
    ...endpointsOf(env),
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: 'local',
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_S3: endpoints.s3,
    AWS_ENDPOINT_URL_RDS_DATA: endpoints.rds_data,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: otherServices,
    AWS_ENDPOINT_URL: otherServices,
    // FIPS and dual-stack are turned off, because a developer's profile may turn them on. With them, tools would refuse
    // the endpoints of the local system.
    AWS_USE_FIPS_ENDPOINT: 'false',
    AWS_USE_DUALSTACK_ENDPOINT: 'false',
    AWS_SESSION_TOKEN: null,
    AWS_SECURITY_TOKEN: null,
    AWS_PROFILE: null,
    AWS_DEFAULT_PROFILE: null,
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: null,
    ...noProxyOf(env),
    ...Object.fromEntries(inputs),
  }
}

/** The outputs of the stack with the URLs of input queues. */
const INPUT_URL = /^InputQueueUrl\d+$/

/**
 * Returns the variables of single services' endpoints that are set already. They must be unset, because a tool prefers them to
 * AWS_ENDPOINT_URL.
 */
const endpointsOf = (env: Environment): Record<string, null> =>
  Object.fromEntries(
    Object.keys(env)
      .filter(name => /^AWS_ENDPOINT_URL_[A-Z0-9_]+$/.test(name))
      .map(name => [name, null]),
  )

/** Returns the variables with which calls to the local system do not go through a proxy. */
function noProxyOf(env: Environment): Record<string, string> {
  const hasProxy = Object.keys(env).some(name => /^(https?|all)_proxy$/i.test(name))
  if (!hasProxy) return {}
  const hosts = new Set([...(env.no_proxy ?? env.NO_PROXY ?? '').split(','), '127.0.0.1'].map(host => host.trim()))
  const list = [...hosts].filter(Boolean).join(',')
  return { NO_PROXY: list, no_proxy: list }
}

function shellLine([name, value]: [string, string | null]): string {
  return value === null ? `unset ${name}` : `export ${name}='${value.replaceAll("'", "'\\''")}'`
}
