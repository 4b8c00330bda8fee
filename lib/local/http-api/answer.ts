import type { ServerResponse } from 'node:http'
import * as z from 'zod'

/** An answer as the server sends it. */
export interface Answer {
  statusCode: number
  headers: Record<string, string | string[]>
  body: string | Buffer
}

const StructuredResult = z.object({
  statusCode: z.coerce.number().int().min(100).max(599),
  headers: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).default({}),
  cookies: z.array(z.string()).default([]),
  body: z.string().default(''),
  isBase64Encoded: z.boolean().default(false),
})

/** The answers that API Gateway gives by itself, and not a function. */
export const gatewayAnswers = {
  unauthorized: gatewayAnswer(401, 'Unauthorized'),
  forbidden: gatewayAnswer(403, 'Forbidden'),
  notFound: gatewayAnswer(404, 'Not Found'),
  tooLarge: gatewayAnswer(413, 'Request Entity Too Large'),
  internalError: gatewayAnswer(500, 'Internal Server Error'),
  unavailable: gatewayAnswer(503, 'Service Unavailable'),
}

/** Converts a function's result, which is JSON text, to an answer by the rules of payload format 2.0. */
export function answerOf(payload: string): Answer {
  const result: unknown = JSON.parse(payload)
  // If the result has no status code, API Gateway takes the result itself as the body.
  if (typeof result !== 'object' || result === null || !('statusCode' in result))
    return {
      statusCode: 200,
      headers: { 'content-type': 'application/json' },
      body: typeof result === 'string' ? result : payload,
    }
  const parsed = StructuredResult.safeParse(result)
  if (!parsed.success) return gatewayAnswers.internalError
  const { statusCode, headers, cookies, body, isBase64Encoded } = parsed.data
  const lowerCased = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), String(value)])
  return {
    statusCode,
    headers: {
      'content-type': 'text/plain;charset=UTF-8',
      ...Object.fromEntries(lowerCased),
      ...(cookies.length > 0 && { 'set-cookie': cookies }),
    },
    body: isBase64Encoded ? Buffer.from(body, 'base64') : body,
  }
}

export function send(response: ServerResponse, { statusCode, headers, body }: Answer): void {
  try {
    response.writeHead(statusCode, { ...headers, 'content-length': Buffer.byteLength(body) })
  } catch {
    // Node refuses headers that no HTTP client would accept. API Gateway refuses them, too.
    send(response, gatewayAnswers.internalError)
    return
  }
  response.end(body)
}

function gatewayAnswer(statusCode: number, message: string): Answer {
  return { statusCode, headers: { 'content-type': 'application/json' }, body: JSON.stringify({ message }) }
}
