import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { APIGatewayProxyEventV2, APIGatewayRequestAuthorizerEventV2 } from 'aws-lambda'
import { ACCOUNT, arn } from '../arn.ts'

/** The parts of a request that are in both events: the event for the authorizer, and the event for the function that answers the request. */
export type ApiRequest = Pick<
  APIGatewayRequestAuthorizerEventV2,
  'rawPath' | 'rawQueryString' | 'headers' | 'cookies' | 'queryStringParameters' | 'requestContext'
>

/** Reads method, path, query and headers in the form of API Gateway's payload format 2.0. */
export function readRequest(incoming: IncomingMessage, { apiId, stage }: { apiId: string; stage: string }): ApiRequest {
  const [rawPath = '/', ...query] = (incoming.url ?? '/').split('?')
  const rawQueryString = query.join('?')
  const { cookie, ...headers } = joinedHeaders(incoming.rawHeaders)
  const parameters = joined(new URLSearchParams(rawQueryString))
  const host = headers.host ?? ''
  const now = new Date()
  return {
    rawPath,
    rawQueryString,
    headers: { ...headers, 'x-forwarded-for': sourceIp(incoming), 'x-forwarded-proto': 'http' },
    cookies: cookie === undefined ? [] : cookie.split(/; */),
    queryStringParameters: parameters,
    requestContext: {
      accountId: ACCOUNT,
      apiId,
      domainName: host,
      domainPrefix: host.split(/[.:]/)[0] ?? '',
      http: {
        method: incoming.method ?? 'GET',
        path: rawPath,
        protocol: `HTTP/${incoming.httpVersion}`,
        sourceIp: sourceIp(incoming),
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: randomUUID(),
      routeKey: '$default',
      stage,
      time: commonLogTime(now),
      timeEpoch: now.getTime(),
    },
  }
}

interface Matched {
  key: string
  pathParameters: Record<string, string>
}

export function authorizerEvent(
  request: ApiRequest,
  route: Matched,
  identity: string[],
): APIGatewayRequestAuthorizerEventV2 {
  const { apiId, stage, http } = request.requestContext
  return {
    version: '2.0',
    type: 'REQUEST',
    routeArn: arn('execute-api', `${apiId}/${stage}/${http.method}${request.rawPath}`),
    identitySource: identity,
    routeKey: route.key,
    ...request,
    requestContext: { ...request.requestContext, routeKey: route.key },
    pathParameters: route.pathParameters,
    stageVariables: {},
  }
}

export function integrationEvent(
  request: ApiRequest,
  route: Matched,
  body: Buffer,
  authorizer: Record<string, unknown> | undefined,
): APIGatewayProxyEventV2 {
  const { cookies, queryStringParameters, ...rest } = request
  const requestContext = { ...request.requestContext, routeKey: route.key }
  const isText = isTextType(request.headers?.['content-type'])
  return {
    version: '2.0',
    routeKey: route.key,
    ...(rest as Pick<APIGatewayProxyEventV2, 'rawPath' | 'rawQueryString' | 'headers'>),
    ...(cookies.length > 0 && { cookies }),
    ...(Object.keys(queryStringParameters ?? {}).length > 0 && { queryStringParameters }),
    ...(Object.keys(route.pathParameters).length > 0 && { pathParameters: route.pathParameters }),
    requestContext: authorizer ? Object.assign(requestContext, { authorizer: { lambda: authorizer } }) : requestContext,
    ...(body.length > 0 && { body: body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: body.length > 0 && !isText,
  }
}

function isTextType(contentType = ''): boolean {
  return /^\s*(text\/|application\/(json|javascript|xml|[\w.-]+\+(json|xml))\s*(;|$))/i.test(contentType)
}

function joinedHeaders(rawHeaders: readonly string[]): Record<string, string> {
  const pairs: [string, string][] = []
  for (let index = 0; index < rawHeaders.length; index += 2)
    pairs.push([rawHeaders[index]?.toLowerCase() ?? '', rawHeaders[index + 1] ?? ''])
  return joined(pairs)
}

// Joins the values of equal names. A client may send the name `__proto__`, and an assignment to this property would change the prototype of an
// object. So the values are in a Map first.
function joined(pairs: Iterable<[string, string]>): Record<string, string> {
  const values = new Map<string, string>()
  for (const [name, value] of pairs) {
    const before = values.get(name)
    values.set(name, before === undefined ? value : `${before},${value}`)
  }
  return Object.fromEntries(values)
}

function sourceIp(incoming: IncomingMessage): string {
  return incoming.socket.remoteAddress ?? '127.0.0.1'
}

/** Writes a time as API Gateway does: `23/Nov/2026:10:00:00 +0000`. */
function commonLogTime(date: Date): string {
  const [, day, month, year, time] = /^\w+, (\d+) (\w+) (\d+) ([\d:]+)/.exec(date.toUTCString()) ?? []
  return `${day}/${month}/${year}:${time} +0000`
}
