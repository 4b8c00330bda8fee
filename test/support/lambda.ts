import type { Context, SQSEvent, SQSRecord } from 'aws-lambda'
import { vi } from 'vitest'
import type { ApiEvent } from '../../functions/core/http/call.ts'

/** Sets the environment variables of a function. It must run before a handler is imported. */
export function stubLambdaEnv(): void {
  const env = {
    AWS_REGION: 'us-east-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
    POWERTOOLS_SERVICE_NAME: 'test',
    POWERTOOLS_METRICS_NAMESPACE: 'Sluice',
    POWERTOOLS_LOG_LEVEL: 'INFO',
    DEPLOYMENT: 'sluice',
    LOG_FIELDS: '{"environment":"test"}',
    REQUESTS_TABLE: 'requests',
    QUOTA_TABLE: 'quota',
    MODELS_TABLE: 'models',
    KEYS_TABLE: 'keys',
    USERS_TABLE: 'users',
    PAYLOADS_BUCKET: 'payloads',
    QUEUE_URL_PREFIX: 'https://sqs/1/stack-',
    LEDGER_CLUSTER_ARN: 'arn:cluster',
    LEDGER_SECRET_ARN: 'arn:secret',
    LEDGER_DATABASE: 'sluice',
    LEDGER_ROLE_SECRETS: '{"reader":"arn:reader"}',
  }
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
}

/** Captures the lines of logs and metrics that are written from now on. */
export function captureOutput(): { text: () => string; logs: () => Record<string, unknown>[] } {
  const written: string[] = []
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation(chunk => {
      written.push(String(chunk))
      return true
    })
  vi.spyOn(console, 'log').mockImplementation(line => {
    written.push(`${line}\n`)
  })
  const text = () => written.join('')
  const logs = () =>
    text()
      .split('\n')
      .filter(line => line.startsWith('{'))
      .map(line => JSON.parse(line))
  return { text, logs }
}

export const aContext = (): Context =>
  ({
    functionName: 'test',
    functionVersion: '1',
    memoryLimitInMB: '512',
    invokedFunctionArn: 'arn:aws:lambda:us-east-1:123456789012:function:test',
    awsRequestId: 'aws-request-id',
    getRemainingTimeInMillis: () => 60_000,
  }) as Context

/** The event that API Gateway passes to a function after the authorizer. */
export const anApiEvent = (
  routeKey: string,
  fields: Partial<ApiEvent> = {},
  caller: Record<string, unknown> = { user_id: 'u42', plan: 'free' },
): ApiEvent =>
  ({
    version: '2.0',
    routeKey,
    rawPath: routeKey.split(' ')[1] ?? '',
    headers: {},
    isBase64Encoded: false,
    requestContext: { authorizer: { lambda: caller } },
    ...fields,
  }) as ApiEvent

/** The event that the event source mapping of the SQS queue `queue` passes to a function. */
export const anSqsEvent = (bodies: readonly unknown[], queue = 'stack-queue'): SQSEvent => ({
  Records: bodies.map((body, i) => aRecord(body, i, queue)),
})

const aRecord = (body: unknown, i: number, queue: string): SQSRecord => ({
  messageId: `message-${i}`,
  receiptHandle: `receipt-${i}`,
  body: typeof body === 'string' ? body : JSON.stringify(body),
  attributes: {
    ApproximateReceiveCount: '1',
    SentTimestamp: '0',
    SenderId: 'sender',
    ApproximateFirstReceiveTimestamp: '0',
  },
  messageAttributes: {},
  md5OfBody: '',
  eventSource: 'aws:sqs',
  eventSourceARN: `arn:aws:sqs:us-east-1:123456789012:${queue}`,
  awsRegion: 'us-east-1',
})
