import { CloudControlClient, paginateListResources } from '@aws-sdk/client-cloudcontrol'
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda'
import {
  DescribeAccountAttributesCommand,
  DescribeOrderableDBInstanceOptionsCommand,
  RDSClient,
} from '@aws-sdk/client-rds'
import { GetServiceQuotaCommand, ServiceQuotasClient } from '@aws-sdk/client-service-quotas'
import { GetParameterCommand, ParameterNotFound, SSMClient } from '@aws-sdk/client-ssm'
import { API_ROOM } from '../../config/executions.ts'
import type { Pipeline } from '../../config/schema.ts'
import { stateOfStack } from '../stack-outputs.ts'
import { type Check, examine, failed, ok, warning } from './check.ts'
import { type Needs, needsOf, reservesTooMuch } from './concurrency.ts'
import { examineTracing } from './tracing.ts'

/** The version of PostgreSQL that the stack creates (lib/constructs/ledger-database.ts). */
export const ENGINE_VERSION = '17.7'

/**
 * The regions in which Aurora PostgreSQL 17 has no Data API, according to AWS's list of November 2026. AWS may add the
 * Data API to these regions later.
 */
const WITHOUT_DATA_API: ReadonlySet<string> = new Set([
  ...['ap-east-2', 'ap-south-2', 'ap-southeast-4', 'ap-southeast-6', 'ca-west-1', 'cn-north-1', 'cn-northwest-1'],
  ...['eu-central-2', 'il-central-1', 'mx-central-1', 'us-gov-east-1', 'us-gov-west-1'],
])

/**
 * Examines an account and a region before a deployment. If `isDeployed`, the stack exists already, and has its VPC, its
 * cluster and its executions. Then the account needs no further room for them.
 */
export async function examineAccount(
  region: string,
  pipeline: Pipeline | undefined,
  isDeployed: boolean,
): Promise<Check[]> {
  const needs = pipeline && needsOf(pipeline)
  const tracing = examineTracing(pipeline?.observability.tracing)
  const checks = await Promise.all([
    examine('bootstrap', () => bootstrap(region)),
    examine('lambda concurrency', () => concurrency(needs, isDeployed)),
    examine('data api', () => dataApi(region)),
    ...(isDeployed ? [] : [examine('quota of vpcs', vpcs), examine('quota of clusters', clusters)]),
  ])
  return [...checks, ...(await tracing)]
}

/** The smallest version of the bootstrap stack that the CDK's templates require. */
const LEAST_BOOTSTRAP = 6

async function bootstrap(region: string): Promise<Check> {
  const todo = 'run `npx cdk bootstrap` once for this account and region'
  const version = await bootstrapVersion()
  if (version === undefined) return failed('bootstrap', `${region} of this account is not prepared for the CDK`, todo)
  if (Number(version) >= LEAST_BOOTSTRAP)
    return ok('bootstrap', `version ${version} of the CDK's bootstrap stack is there`)
  const found = `the CDK's bootstrap stack has version ${version}, and ${LEAST_BOOTSTRAP} is needed`
  return failed('bootstrap', found, todo)
}

async function bootstrapVersion(): Promise<string | undefined> {
  try {
    const parameter = new GetParameterCommand({ Name: '/cdk-bootstrap/hnb659fds/version' })
    return (await new SSMClient().send(parameter)).Parameter?.Value
  } catch (error) {
    if (error instanceof ParameterNotFound) return undefined
    // If the credentials may not read the parameter, they may still read the stack that made the parameter.
    const stack = await stateOfStack('CDKToolkit').catch(() => undefined)
    if (stack?.outputs.BootstrapVersion === undefined) throw error
    return stack.outputs.BootstrapVersion
  }
}

const MORE_EXECUTIONS =
  'ask for 1,000 with `aws service-quotas request-service-quota-increase --service-code lambda --quota-code L-B99A9384 --desired-value 1000`'

async function concurrency(needs: Needs | undefined, isDeployed: boolean): Promise<Check> {
  const name = 'lambda concurrency'
  const { AccountLimit } = await new LambdaClient().send(new GetAccountSettingsCommand())
  const limit = AccountLimit?.ConcurrentExecutions ?? 0
  const free = AccountLimit?.UnreservedConcurrentExecutions ?? limit
  const found = `the account has ${limit} concurrent executions, ${free} of them not reserved`
  if (!needs) return ok(name, found)
  const { mappings, least, most, waits, reserved } = needs
  if (free < least + API_ROOM)
    return failed(
      name,
      `${found}; the ${mappings} queues with consumers take at least 2 each, so ${Math.max(0, free - least)} would be left for the API, which needs ${API_ROOM}`,
      `${MORE_EXECUTIONS}, or have fewer models and inputs`,
    )
  if (!isDeployed && reservesTooMuch(needs, free))
    return failed(
      name,
      `${found}; reserved_concurrency asks for ${reserved}, and AWS keeps 100 for functions without a reservation`,
      `${MORE_EXECUTIONS}, or remove reserved_concurrency from pipeline.yaml`,
    )
  if (free < most + waits + API_ROOM)
    return warning(
      name,
      `${found}; with all queues full, the workers and other consumers take ${most}, and waiting calls ${waits}, so calls to the API may get a 503`,
      `${MORE_EXECUTIONS}, or set account_concurrency to ${limit} in pipeline.yaml, or lower concurrency and waiting.total there`,
    )
  return ok(name, `${found}; this pipeline takes at most ${most + waits} besides other calls to the API`)
}

async function dataApi(region: string): Promise<Check> {
  const name = 'data api'
  const todo = 'deploy to another region; README lists those without the Data API'
  const { OrderableDBInstanceOptions: offers = [] } = await new RDSClient().send(
    new DescribeOrderableDBInstanceOptionsCommand({
      Engine: 'aurora-postgresql',
      EngineVersion: ENGINE_VERSION,
      DBInstanceClass: 'db.serverless',
    }),
  )
  if (offers.length === 0) return failed(name, `${region} has no serverless Aurora PostgreSQL ${ENGINE_VERSION}`, todo)
  const isThere = offers.some(({ SupportsHttpEndpoint = !WITHOUT_DATA_API.has(region) }) => SupportsHttpEndpoint)
  return isThere
    ? ok(name, `${region} has serverless Aurora PostgreSQL ${ENGINE_VERSION} with the RDS Data API`)
    : failed(name, `${region} has Aurora PostgreSQL ${ENGINE_VERSION}, but not its RDS Data API`, todo)
}

const VPCS = { ServiceCode: 'vpc', QuotaCode: 'L-F678F1CE' }

/**
 * Checks whether the account has room for one more VPC. The stack makes a VPC of its own, and by default an
 * account may have only five.
 */
async function vpcs(): Promise<Check> {
  const { Quota } = await new ServiceQuotasClient().send(new GetServiceQuotaCommand(VPCS))
  let used = 0
  const pages = paginateListResources({ client: new CloudControlClient() }, { TypeName: 'AWS::EC2::VPC' })
  for await (const { ResourceDescriptions = [] } of pages) used += ResourceDescriptions.length
  const increase = `aws service-quotas request-service-quota-increase --service-code vpc --quota-code ${VPCS.QuotaCode} --desired-value ${used + 5}`
  return roomFor('quota of vpcs', 'VPCs', used, Quota?.Value, `delete one, or ask for more with \`${increase}\``)
}

async function clusters(): Promise<Check> {
  const { AccountQuotas = [] } = await new RDSClient().send(new DescribeAccountAttributesCommand())
  const quota = AccountQuotas.find(({ AccountQuotaName }) => AccountQuotaName === 'DBClusters')
  const todo = 'delete one, or ask for more in the console (Service Quotas, Amazon RDS, DB clusters)'
  return roomFor('quota of clusters', 'database clusters', quota?.Used ?? 0, quota?.Max, todo)
}

function roomFor(check: string, what: string, used: number, most: number | undefined, todo: string): Check {
  if (most === undefined)
    return warning(check, `${used} ${what} are used, and AWS does not say how many may be`, 'look into Service Quotas')
  const found = `${used} of ${most} ${what} of this region are used`
  return used < most ? ok(check, found) : failed(check, `${found}, and the stack needs one more`, todo)
}
