import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'

export type HttpResponse = APIGatewayProxyStructuredResultV2

export const json = (statusCode: number, body: unknown, headers: Record<string, string> = {}): HttpResponse => ({
  statusCode,
  headers: { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers },
  ...encode(JSON.stringify(body)),
})

/**
 * The largest body that is returned as plain text, in bytes. A larger body is returned in base64, which API Gateway
 * decodes.
 */
const MAX_PLAIN_BYTES = 1024 * 1024

/**
 * Encodes a body so that it fits into Lambda's answer, which is at most 6 MB of JSON. In JSON, each quote and backslash
 * of a text takes two bytes, while base64 makes any text larger by a third. So a large body is sent in base64, because
 * its size then does not depend on its characters.
 */
function encode(text: string): Pick<HttpResponse, 'body' | 'isBase64Encoded'> {
  if (Buffer.byteLength(text) <= MAX_PLAIN_BYTES) return { body: text }
  return { body: Buffer.from(text).toString('base64'), isBase64Encoded: true }
}
