import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import type { GetSecretValueResponse } from '@aws-sdk/client-secrets-manager'
import { arn } from './arn.ts'
import type { LocalFunction } from './lambda/function.ts'
import { listenLocally } from './listen.ts'
import { parseJson } from './parse-json.ts'
import { declaredAsJson, signedWith } from './trust/access-key.ts'
import { type Check, fromNoPage, guardServer } from './trust/guard-server.ts'
import { isForm, refuseAsAws, refuseAwsCall } from './trust/refuse.ts'

/**
 * A server for the AWS calls that have no emulator of their own: GetSecretValue of Secrets Manager, and Invoke of Lambda. It also has the
 * addresses to which custom resources send their answers.
 */
export interface AwsEndpoint {
  url: string
  /** Makes a URL to which one custom resource sends its answer (CloudFormation's ResponseURL). `response` resolves with this answer. */
  expectResponse(): { url: string; response: Promise<unknown> }
  /**
   * Lets callers read the secrets with these names from the environment variables of this process. For all other variables, callers get "not found":
   * these variables may contain secrets of the user that no function of the stack needs.
   */
  grant(secrets: readonly string[]): void
  /** Lets callers invoke these functions by their names, with Lambda's Invoke. Functions may be added to the map later. */
  invokes(functions: ReadonlyMap<string, Pick<LocalFunction, 'invoke'>>): void
  /** The secrets that the template creates, by name. */
  readonly secrets: Map<string, string>
  close(): Promise<void>
}

type Environment = Record<string, string | undefined>

/** CloudFormation's limit for the answer of a custom resource. */
const MAX_ANSWER_BYTES = 4_096
const TOO_LONG = { Status: 'FAILED', Reason: 'Response object is too long.' }

const SUPPORTED = 'SQS, DynamoDB, S3, the RDS Data API, GetSecretValue of Secrets Manager, and Invoke of Lambda'

/**
 * Starts the server on a free port of 127.0.0.1. The server answers only callers that sign with the access key id. It reads granted secrets from
 * `environment`. It refuses calls of all other AWS services, with an error that names the service.
 */
export async function startAwsEndpoint(environment: Environment, accessKeyId: string): Promise<AwsEndpoint> {
  const expected = new Map<string, (response: unknown) => void>()
  const granted = new Set<string>()
  const secrets = new Map<string, string>()
  let functions: ReadonlyMap<string, Pick<LocalFunction, 'invoke'>> = new Map()
  const server = createServer((request, response) => void respond(request, response))
  // As on AWS, custom resources do not sign their answers. This is safe, since nobody can guess the random id in a ResponseURL.
  const isAnswer = ({ method, url = '' }: IncomingMessage) => method === 'PUT' && expected.has(url)
  const unlessAnswer =
    (check: Check): Check =>
    request =>
      isAnswer(request) ? undefined : check(request)
  guardServer(server, refuseAsAws, fromNoPage, unlessAnswer(signedWith(accessKeyId)), unlessAnswer(inAProtocolOfAws))
  const url = `http://127.0.0.1:${await listenLocally(server)}`

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const content = await text(request).catch(() => '')
    const body = parseJson(content)
    const accept = expected.get(request.url ?? '')
    if (request.method === 'PUT' && accept) {
      accept(Buffer.byteLength(content) > MAX_ANSWER_BYTES ? TOO_LONG : body)
      return send(response, 200, {})
    }
    if (request.headers['x-amz-target'] === 'secretsmanager.GetSecretValue') return getSecretValue(response, read, body)
    const [, invoked] = INVOKE.exec(request.url ?? '') ?? []
    if (request.method === 'POST' && invoked !== undefined) return invoke(response, functions.get(invoked), body)
    const message = `${calledIn(request)} is not supported by the local system, which has ${SUPPORTED}.`
    refuseAwsCall(request, response, { status: 400, code: 'UnknownOperationException', message })
  }

  /** Reads a secret that the template creates, or a granted secret from the environment. */
  const read: Read = name => {
    const created = secrets.get(name)
    if (created !== undefined) return { value: created }
    if (!granted.has(name)) return { absent: 'No function of the template may read a secret of that name.' }
    const value = secretIn(environment, name)
    return value === undefined ? { absent: `The environment has no ${name} and no ${variableName(name)}.` } : { value }
  }

  return {
    url,
    secrets,
    expectResponse() {
      const path = `/custom-resource/${randomUUID()}`
      const { promise, resolve } = Promise.withResolvers<unknown>()
      expected.set(path, resolve)
      return { url: url + path, response: promise }
    },
    invokes(all) {
      functions = all
    },
    grant(secrets) {
      for (const name of secrets) granted.add(name)
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Names a refused call for its error: by its operation or, without one, by the service in its credential, such as `…/us-east-1/sns/aws4_request`. */
function calledIn({ headers }: IncomingMessage): string {
  const target = headers['x-amz-target']
  if (typeof target === 'string') return target
  const [, service] = /Credential=[^/]*\/[^/]*\/[^/]*\/([a-z0-9-]+)\//.exec(headers.authorization ?? '') ?? []
  return service === undefined ? 'This call' : `The service ${service}`
}

/**
 * Refuses bodies that are neither JSON nor a form, since a web page could send some of them without asking the server first (CORS preflight). Calls
 * with a form and calls without a body pass this check, because `respond` answers them with an error in the format of their service.
 */
const inAProtocolOfAws: Check = request => {
  const hasBody = request.method === 'POST' || request.method === 'PUT'
  return hasBody && !isForm(request.headers) ? declaredAsJson(request) : undefined
}

/** The path of Lambda's Invoke. The function's name is not decoded, because names of local functions have no characters that a URL must encode. */
const INVOKE = /^\/2015-03-31\/functions\/([^/?]+)\/invocations$/

async function invoke(
  response: ServerResponse,
  invoked: Pick<LocalFunction, 'invoke'> | undefined,
  event: unknown,
): Promise<void> {
  if (!invoked) return refuse(response, 'ResourceNotFoundException', 'The template has no function of that name.')
  const result = await invoked.invoke(event)
  const header = result.ok ? {} : { 'x-amz-function-error': 'Unhandled' }
  response.writeHead(200, { 'content-type': 'application/json', ...header })
  response.end(result.ok ? result.payload : JSON.stringify(result.error))
}

type Read = (name: string) => { readonly value: string } | { readonly absent: string }

function getSecretValue(response: ServerResponse, read: Read, body: unknown): void {
  const id = typeof body === 'object' && body !== null && 'SecretId' in body ? String(body.SecretId) : ''
  const name = secretName(id)
  const found = read(name)
  if ('absent' in found) {
    refuse(response, 'ResourceNotFoundException', found.absent)
    return
  }
  const { value } = found
  const answer = {
    ARN: arn('secretsmanager', `secret:${name}`),
    Name: name,
    VersionId: 'local',
    SecretString: value,
    VersionStages: ['AWSCURRENT'],
  } satisfies GetSecretValueResponse
  send(response, 200, answer)
}

/** Returns the name of a secret. The id in a call may be the secret's name or its ARN. */
function secretName(id: string): string {
  return id.replace(/^arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:/, '')
}

/** Reads a secret from the environment variables: the variable with the secret's name, or with that name in the form of a variable. */
export const secretIn = (environment: Environment, name: string): string | undefined =>
  environment[name] ?? environment[variableName(name)]

/** Converts a secret's name to the form of a variable: `prod/model-key` → `PROD_MODEL_KEY`. */
export function variableName(name: string): string {
  return name.toUpperCase().replaceAll(/[^A-Z0-9]/g, '_')
}

function refuse(response: ServerResponse, type: string, message: string): void {
  send(response, 400, { __type: type, message })
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
  response.end(JSON.stringify(body))
}
