import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Refuse } from './guard-server.ts'

/**
 * Answers an AWS call with an error. Services whose calls are forms (SNS, STS, CloudFormation and other old services) answer with XML. For
 * all other services, the SDKs read the error from `__type` and `message`.
 */
export function refuseAwsCall(
  { headers }: IncomingMessage,
  response: ServerResponse,
  { status, code, message }: { status: number; code: string; message: string },
): void {
  if (isForm(headers)) {
    response.writeHead(status, { 'content-type': 'text/xml' })
    const error = `<Type>Sender</Type><Code>${code}</Code><Message>${escaped(message)}</Message>`
    response.end(`<ErrorResponse><Error>${error}</Error><RequestId>local</RequestId></ErrorResponse>`)
    return
  }
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ __type: code, message }))
}

/** Refuses a call of a server that stands for AWS, in AWS's shape. */
export const refuseAsAws: Refuse = (request, response, message) =>
  refuseAwsCall(request, response, { status: 403, code: 'AccessDeniedException', message })

/** Whether the body of a call is a form, as in calls of old services. A web page can send a form, too, without asking the server first (CORS preflight). */
export const isForm = (headers: IncomingMessage['headers']): boolean =>
  /^application\/x-www-form-urlencoded(;|$)/i.test(headers['content-type'] ?? '')

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
