import type { IncomingMessage } from 'node:http'
import { arn } from './arn.ts'
import type { Answer } from './http-api/answer.ts'
import type { System } from './resources/resource.ts'
import { authorizationOf } from './trust/access-key.ts'

/** If an emulator does not answer within this time, the result names it as `away`. */
const TIMEOUT_MS = 5_000

type Endpoint = keyof System['endpoints']

const NAMES: Readonly<Record<Endpoint, string>> = {
  sqs: 'SQS',
  dynamodb: 'DynamoDB',
  s3: 'S3',
  rds_data: 'Postgres',
}

/**
 * Answers `GET /healthz?deep=1`: calls SQS, DynamoDB, S3 and Postgres, and names those that do not answer (`away`). Returns undefined for any other call.
 * A deployment on AWS does not answer it so: the call needs no API key, so anybody could wake a paused database with it, and a database that is awake
 * costs money.
 */
export function deepHealth(system: Pick<System, 'endpoints' | 'accessKeyId'>) {
  return ({ method, url = '' }: IncomingMessage): Promise<Answer> | undefined => {
    const asked = URL.parse(url, 'http://localhost')
    const isDeep = method === 'GET' && asked?.pathname === '/healthz' && asked.searchParams.get('deep') === '1'
    return isDeep ? answer(system) : undefined
  }
}

async function answer(system: Pick<System, 'endpoints' | 'accessKeyId'>): Promise<Answer> {
  const names = Object.keys(NAMES) as Endpoint[]
  const answers = await Promise.all(names.map(name => answersAt(name, system)))
  const away = names.filter((_, index) => !answers[index])
  const checks = Object.fromEntries(names.map(name => [name, away.includes(name) ? 'away' : 'ok']))
  if (away.length === 0) return json(200, { status: 'ok', checks })
  const verb = away.length === 1 ? 'does' : 'do'
  const error = `${away.map(name => NAMES[name]).join(', ')} ${verb} not answer`
  return json(503, { error, status: 'error', code: 'unavailable', away, checks }, { 'retry-after': '5' })
}

async function answersAt(name: Endpoint, { endpoints, accessKeyId }: Pick<System, 'endpoints' | 'accessKeyId'>) {
  const { path = '', method = 'POST', headers = {}, body } = CALLS[name]
  try {
    const response = await fetch(`${endpoints[name]}${path}`, {
      method,
      headers: { authorization: authorizationOf(accessKeyId), ...headers },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

interface Call {
  readonly path?: string
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: object
}

const json10 = (target: string) => ({
  'content-type': 'application/x-amz-json-1.0',
  'x-amz-target': target,
})

/** For each emulator, the call that checks whether it answers. Each call reads almost nothing. */
const CALLS: Readonly<Record<Endpoint, Call>> = {
  sqs: { headers: json10('AmazonSQS.ListQueues'), body: { MaxResults: 1 } },
  dynamodb: { headers: json10('DynamoDB_20120810.ListTables'), body: { Limit: 1 } },
  s3: { method: 'GET' },
  rds_data: {
    path: '/Execute',
    headers: { 'content-type': 'application/json' },
    body: { resourceArn: arn('rds', 'cluster:any'), secretArn: arn('secretsmanager', 'secret:owner'), sql: 'SELECT 1' },
  },
}

const json = (statusCode: number, body: object, headers: Record<string, string> = {}): Answer => ({
  statusCode,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify(body),
})
