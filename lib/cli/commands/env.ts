import type { Command } from 'commander'
import type { Environment } from '../../config/interpolate.ts'
import { REGION } from '../../local/arn.ts'
import { credentialsOf } from '../../local/trust/access-key.ts'
import type { Answer } from '../answer.ts'
import { type LocalSystem, runningLocally } from '../running-locally.ts'

/** `sluice env`, which needs the local system's local.json alone. */
export function addEnv(program: Command, { env, finish }: { env: Environment; finish(answer: Answer): void }): void {
  program
    .command('env')
    .description('what points the AWS CLI and SDKs at the local system: eval "$(npx sluice env)"')
    .action(() => {
      if (program.opts<{ target?: string }>().target === 'aws')
        program.error('error: env is of the local system alone: without --target aws')
      const variables = variablesOf(runningLocally(env))
      finish({ json: variables, lines: Object.entries(variables).map(shellLine) })
    })
}

/**
 * The variables of AWS's tools; those that are null are to be unset. Without that, a developer's own profile, session token or endpoints
 * would be mixed with these, and his calls would reach his account.
 *
 * The AWS CLI 1 has addresses of its own for SQS in AWS's regions, and prefers them to AWS_ENDPOINT_URL_SQS. It and boto3 look at
 * AWS_DEFAULT_REGION alone, which is therefore no region of AWS; the other tools look at AWS_REGION first. Nothing depends on either here.
 */
function variablesOf({ endpoints, accessKeyId }: LocalSystem): Record<string, string | null> {
  const credentials = credentialsOf(accessKeyId)
  return {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: REGION,
    AWS_DEFAULT_REGION: 'local',
    AWS_ENDPOINT_URL_SQS: endpoints.sqs,
    AWS_ENDPOINT_URL_DYNAMODB: endpoints.dynamodb,
    AWS_ENDPOINT_URL_S3: endpoints.s3,
    AWS_ENDPOINT_URL_RDS_DATA: endpoints.rds_data,
    AWS_SESSION_TOKEN: null,
    AWS_SECURITY_TOKEN: null,
    AWS_PROFILE: null,
    AWS_DEFAULT_PROFILE: null,
    AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: null,
  }
}

function shellLine([name, value]: [string, string | null]): string {
  return value === null ? `unset ${name}` : `export ${name}='${value.replaceAll("'", "'\\''")}'`
}
