import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { GetSecretValueResponse } from '@aws-sdk/client-secrets-manager'
import { arn } from './arn.ts'
import { declaredAsJson, signedWith } from './trust/access-key.ts'
import { type Check, fromNoPage, guardServer } from './trust/guard-server.ts'

/** What a function calls besides the emulators: Secrets Manager, and the address that custom resources answer to. */
export interface AwsEndpoint {
  url: string
  /** A ResponseURL for one answer, and that answer once it is there. */
  expectResponse(): { url: string; response: Promise<unknown> }
  /** Gives out these secrets from now on, by their names; any other one isn't there, whatever the environment has. */
  grant(secrets: readonly string[]): void
  /** Secrets that the template creates, by name. */
  readonly secrets: Map<string, string>
  close(): Promise<void>
}

type Environment = Record<string, string | undefined>

/**
 * Serves on a free port of 127.0.0.1, for those who sign with the access key id. Secrets that are granted are read from `environment`;
 * any other service is refused by name.
 */
export async function startAwsEndpoint(environment: Environment, accessKeyId: string): Promise<AwsEndpoint> {
  const expected = new Map<string, (response: unknown) => void>()
  const granted = new Set<string>()
  const secrets = new Map<string, string>()
  const server = createServer((request, response) => void respond(request, response))
  // A ResponseURL can't be guessed, and who has one answers it without credentials.
  const isAnswer = ({ method, url = '' }: IncomingMessage) => method === 'PUT' && expected.has(url)
  const unlessAnswer =
    (check: Check): Check =>
    request =>
      isAnswer(request) ? undefined : check(request)
  guardServer(server, fromNoPage, unlessAnswer(signedWith(accessKeyId)), unlessAnswer(declaredAsJson))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: unknown = await json(request).catch(() => undefined)
    const accept = expected.get(request.url ?? '')
    if (request.method === 'PUT' && accept) {
      accept(body)
      return send(response, 200, {})
    }
    const target = request.headers['x-amz-target'] ?? `${request.method} ${request.url}`
    if (target !== 'secretsmanager.GetSecretValue')
      return refuse(response, 'UnknownOperationException', `${target} is not supported by the local system.`)
    getSecretValue(response, read, body)
  }

  /** A secret that the template creates, or one of the environment's that a function of the template may read. */
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

/** A secret's name from its name or its ARN. */
function secretName(id: string): string {
  return id.replace(/^arn:[^:]+:secretsmanager:[^:]*:[^:]*:secret:/, '')
}

/** What stands for a secret of AWS on this machine: the variable of its name, as it is or as a variable is written. */
export const secretIn = (environment: Environment, name: string): string | undefined =>
  environment[name] ?? environment[variableName(name)]

/** `prod/model-key` → `PROD_MODEL_KEY` */
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
