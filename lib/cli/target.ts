import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { LambdaClient } from '@aws-sdk/client-lambda'
import { RDSDataClient } from '@aws-sdk/client-rds-data'
import { S3Client } from '@aws-sdk/client-s3'
import { SQSClient } from '@aws-sdk/client-sqs'
import { HttpRequest } from '@smithy/protocol-http'
import * as z from 'zod'
import { QuotaSettings } from '../../functions/core/domain/quota-settings.ts'
import { Policies } from '../../functions/core/flow-control/policies.ts'
import { retryWhileResuming } from '../../functions/core/stores/ledger/retry-while-resuming.ts'
import { REGION } from '../local/arn.ts'
import { parseJson } from '../local/parse-json.ts'
import { credentialsOf } from '../local/trust/access-key.ts'
import { cloudWatchLogs } from './logs/cloudwatch-logs.ts'
import { localLogs } from './logs/local-logs.ts'
import { type LogSource, NO_LOGS } from './logs/port.ts'
import { Refusal } from './refusal.ts'
import { type LocalSystem, runningLocally } from './running-locally.ts'
import { outputsOfStack } from './stack-outputs.ts'
import { DEFAULT_STACK, type Surroundings, type TargetChoice } from './target-choice.ts'

/** The outputs of a stack that the commands need. */
const Outputs = z.object({
  RequestsTable: z.string(),
  QuotaTable: z.string(),
  KeysTable: z.string(),
  UsersTable: z.string(),
  ModelsTable: z.string(),
  PayloadsBucket: z.string(),
  LedgerClusterArn: z.string(),
  LedgerSecretArn: z.string(),
  LedgerDatabase: z.string(),
  /** The beginning of a queue's URL, before the name of the queue. Only a system on SQS has it. */
  QueueUrlPrefix: z.string().optional(),
  /** The function that performs commands on the broker. Only a system on RabbitMQ has it. */
  BrokerFunction: z.string().optional(),
  /** The settings of quotas, as a JSON text. */
  Plans: z.string().transform(parseJson).pipe(QuotaSettings),
  /** The policies that protect each model, as a JSON text. */
  Models: z.string().transform(parseJson).pipe(z.record(z.string(), Policies)),
  /** The address of the API. */
  ApiUrl: z.string().optional(),
  /** The name of each model's worker function, as a JSON text. Stacks of older versions have no such output. */
  Workers: z.string().transform(parseJson).pipe(z.record(z.string(), z.string())).optional(),
})
type Outputs = z.infer<typeof Outputs>

/** A system to operate, and clients that reach it. */
export interface Target {
  readonly outputs: Outputs
  readonly dynamoDb: DynamoDBClient
  /**
   * A client for reservations, which repeats no call by itself. Otherwise, a late repetition could open a reservation
   * again that is already settled.
   */
  readonly dynamoDbOnce: DynamoDBClient
  readonly rdsData: RDSDataClient
  readonly s3: S3Client
  readonly sqs: SQSClient
  /** A client that repeats no call by itself, because a second call would call a model again. */
  readonly lambdaOnce: LambdaClient
  /** The logs of the functions. */
  readonly logs: LogSource
}

/** Opens the system that the command line names, or, without a name, the system that runs on this machine. Throws `Refusal`. */
export async function openTarget(
  { target, stack = DEFAULT_STACK }: TargetChoice,
  surroundings: Surroundings,
): Promise<Target> {
  return target === 'aws' ? awsTarget(stack, surroundings) : localTarget(runningLocally(surroundings))
}

/** Opens the system that `npm start` runs, by its local.json. Throws `Refusal`. */
export function localTarget({
  outputs,
  endpoints,
  accessKeyId,
  otherServices,
  folder,
}: Omit<LocalSystem, 'apiUrl' | 'pid' | 'folder'> & Partial<Pick<LocalSystem, 'folder'>>): Target {
  const common = { region: REGION, credentials: credentialsOf(accessKeyId) }
  return {
    outputs: checkOutputs(outputs, 'the local system'),
    dynamoDb: new DynamoDBClient({ ...common, endpoint: endpoints.dynamodb }),
    dynamoDbOnce: new DynamoDBClient({ ...common, endpoint: endpoints.dynamodb, maxAttempts: 1 }),
    rdsData: new RDSDataClient({ ...common, endpoint: endpoints.rds_data }),
    s3: new S3Client({ ...common, endpoint: endpoints.s3 }),
    sqs: new SQSClient({ ...common, endpoint: endpoints.sqs }),
    lambdaOnce: sendingJson(new LambdaClient({ ...common, endpoint: otherServices, maxAttempts: 1 })),
    logs: folder === undefined ? NO_LOGS : localLogs(folder),
  }
}

/**
 * Makes a client declare its bodies as JSON. The local system accepts only such bodies, while Lambda itself accepts any
 * type.
 */
function sendingJson(client: LambdaClient): LambdaClient {
  client.middlewareStack.add(
    next => async args => {
      if (HttpRequest.isInstance(args.request)) args.request.headers['content-type'] = 'application/json'
      return next(args)
    },
    { step: 'build', name: 'sendingJson' },
  )
  return client
}

/**
 * The longest wait for a paused database, in milliseconds. A database resumes within 15 s, or within a minute if it has been
 * paused for a day or longer.
 */
const RESUME_MS = 60_000

/** Opens a deployed stack, with the region and the credentials that the SDK finds. */
async function awsTarget(stack: string, { clock, sleep, note }: Surroundings): Promise<Target> {
  const onWait = () => note('the ledger is resuming')
  return {
    outputs: checkOutputs(await outputsOfStack(stack), `the stack ${stack}`),
    dynamoDb: new DynamoDBClient(),
    dynamoDbOnce: new DynamoDBClient({ maxAttempts: 1 }),
    rdsData: retryWhileResuming(RESUME_MS, { clock, sleep, onWait }),
    s3: new S3Client(),
    sqs: new SQSClient(),
    lambdaOnce: new LambdaClient({ maxAttempts: 1 }),
    logs: cloudWatchLogs(stack),
  }
}

function checkOutputs(outputs: Record<string, string>, whose: string): Outputs {
  const checked = Outputs.safeParse(outputs)
  if (checked.success) return checked.data
  const names = [...new Set(checked.error.issues.map(({ path }) => String(path[0])))].join(', ')
  throw new Refusal(
    `${whose} has not the outputs of this version of Sluice (${names}): deploy or start it again with this version`,
  )
}
