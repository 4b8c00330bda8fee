import { connect } from 'node:net'
import { text } from 'node:stream/consumers'

/** An HTTP answer, parsed from the received bytes. */
export interface RawAnswer {
  readonly status: number
  /** The headers by their names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** A connection on which nothing arrives for this time counts as hung. */
const SILENCE_MS = 60_000

/**
 * Sends bytes over a new connection, and returns all answers that arrive until the server closes the connection. Each character of the text
 * is one byte. Tests use this for requests that `fetch` refuses or corrects. Rejects if the server neither answers nor closes.
 */
export async function sendRaw(apiUrl: string, bytes: string): Promise<RawAnswer[]> {
  const { hostname, port } = new URL(apiUrl)
  const socket = connect(Number(port), hostname)
  socket.setEncoding('latin1')
  socket.setTimeout(SILENCE_MS, () => socket.destroy(new Error('the server neither answered nor closed')))
  socket.write(bytes, 'latin1')
  return parseAnswers(await text(socket))
}

export interface RawRequest {
  readonly method?: string
  /** The text between the method and the version of the protocol. */
  readonly target: string
  /** Whole header lines. `Host` is added to them. */
  readonly headers?: readonly string[]
  /** A body of JSON. `Content-Length` is added, unless `headers` has a length or `Transfer-Encoding`. */
  readonly body?: string
}

/** The bytes of a request. */
export function rawRequest(apiUrl: string, { method = 'GET', target, headers = [], body = '' }: RawRequest): string {
  const tellsLength = headers.some(line => /^(content-length|transfer-encoding)\s*:/i.test(line))
  const length = body === '' || tellsLength ? [] : [`Content-Length: ${body.length}`]
  return [`${method} ${target} HTTP/1.1`, `Host: ${new URL(apiUrl).host}`, ...length, ...headers, '', body].join('\r\n')
}

/** Sends one request, and returns its only answer, or undefined if the server closed the connection without an answer. */
export async function sendOne(apiUrl: string, request: RawRequest): Promise<RawAnswer | undefined> {
  const headers = ['Connection: close', ...(request.headers ?? [])]
  const answers = await sendRaw(apiUrl, rawRequest(apiUrl, { ...request, headers }))
  if (answers.length > 1) throw new Error(`one request got ${answers.length} answers`)
  return answers[0]
}

const HEAD = /^HTTP\/1\.1 (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/

function parseAnswers(received: string): RawAnswer[] {
  const answers: RawAnswer[] = []
  let rest = received
  while (rest !== '') {
    const [head = '', status, lines = ''] = HEAD.exec(rest) ?? []
    if (status === undefined) throw new Error(`this is no answer: ${rest.slice(0, 200)}`)
    const headers = Object.fromEntries(lines.split('\r\n').flatMap(nameAndValue))
    const end = head.length + Number(headers['content-length'] ?? 0)
    answers.push({ status: Number(status), headers, body: rest.slice(head.length, end) })
    rest = rest.slice(end)
  }
  return answers
}

function nameAndValue(line: string): [string, string][] {
  const colon = line.indexOf(':')
  return colon < 0 ? [] : [[line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]]
}
