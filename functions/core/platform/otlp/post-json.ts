import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { HttpRequest } from '@smithy/protocol-http'
import { systemClock, systemSleep } from '../clock.ts'
import { type PatienceSurroundings, patience } from './patience.ts'

/** The result of a POST. */
export type Posted =
  /** `rejected`: the number of spans or data points that the receiver says it has not accepted. */
  | { readonly ok: true; readonly rejected: number }
  /** `mayRepeat`: the receiver has not accepted the payload, and may accept it later. */
  | { readonly ok: false; readonly mayRepeat: boolean; readonly reason: string }

/** Sends a text of JSON to a URL. Never rejects. */
export type PostJson = (url: string, json: string) => Promise<Posted>

/** Signs a request for a receiver that requires a signature. */
export type Sign = (request: HttpRequest) => Promise<HttpRequest>

/**
 * The longest wait for an answer, counted while the function runs, in milliseconds. After this time, the receiver
 * counts as unreachable. The value is OTLP's default.
 */
const TIMEOUT_MS = 10_000

/** The statuses after which a sender may repeat a payload, from OTLP's specification. */
const MAY_REPEAT = new Set([429, 502, 503, 504])

/**
 * The errors after which nothing was sent, so the payload may be sent again. After other errors, such as a timeout, the
 * receiver may have accepted the payload, and a second send would store it twice.
 */
const NOTHING_SENT = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'Unavailable'])

/** The largest answer that is read, in bytes. The answer to an export is a short JSON. */
const MAX_ANSWER_BYTES = 65_536

interface Answer {
  readonly status: number
  readonly body: string
}

/**
 * Makes the function that posts over one connection, which stays open. The function follows no redirects. The signer
 * gets the whole request, because a signed request must be sent unchanged.
 */
export function postJson(
  signerOf: (url: URL) => Promise<Sign | undefined> = async () => undefined,
  surroundings: PatienceSurroundings = { clock: systemClock, sleep: systemSleep },
): PostJson {
  const agents = { 'http:': new HttpAgent(ONE_CONNECTION), 'https:': new HttpsAgent(ONE_CONNECTION) }

  async function exchange(url: string, json: string, signal: AbortSignal, isAgain = false): Promise<Answer> {
    const target = new URL(url)
    const unsigned = requestOf(target, json)
    const sign = await signerOf(target)
    const { method, path, headers } = sign ? await sign(unsigned) : unsigned
    const isSecure = target.protocol === 'https:'
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const request = (isSecure ? httpsRequest : httpRequest)(target, {
      method,
      path,
      headers,
      agent: agents[isSecure ? 'https:' : 'http:'],
      signal,
    })
    request.on('error', error => {
      // While Lambda froze the function, the receiver may have closed the open connection. Then it has read nothing, so
      // the payload is sent once more.
      const wasClosed = request.reusedSocket && !isAgain && 'code' in error && error.code === 'ECONNRESET'
      if (wasClosed) exchange(url, json, signal, true).then(resolve, reject)
      else reject(error)
    })
    request.on('response', response => {
      const { statusCode = 0 } = response
      beginningOf(response).then(body => resolve({ status: statusCode, body }), reject)
    })
    request.end(json)
    return promise
  }

  return async (url, json) => {
    const late = new AbortController()
    const over = new AbortController()
    void patience(TIMEOUT_MS, over.signal, surroundings).then(() => late.abort())
    try {
      return toPosted(await exchange(url, json, late.signal))
    } catch (error) {
      const reason = codeOf(error)
      return { ok: false, mayRepeat: NOTHING_SENT.has(reason), reason }
    } finally {
      over.abort()
    }
  }
}

/** Returns the text of an answer, or of its beginning if it is too long. */
async function beginningOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    chunks.push(chunk)
    bytes += chunk.length
    // Leaving the loop closes the connection.
    if (bytes > MAX_ANSWER_BYTES) break
  }
  return Buffer.concat(chunks).toString()
}

const ONE_CONNECTION = { keepAlive: true, maxSockets: 1 } as const

const requestOf = ({ protocol, hostname, host, pathname, search }: URL, json: string): HttpRequest =>
  new HttpRequest({
    method: 'POST',
    protocol,
    hostname,
    path: pathname + search,
    headers: {
      host,
      'content-type': 'application/json',
      'user-agent': 'sluice',
      'content-length': String(Buffer.byteLength(json)),
    },
    body: json,
  })

function toPosted({ status, body }: Answer): Posted {
  if (status >= 200 && status < 300) return { ok: true, rejected: rejectedIn(body) }
  return { ok: false, mayRepeat: MAY_REPEAT.has(status), reason: `status ${status}` }
}

/**
 * Reads how many items the receiver has rejected. A receiver may accept a part of a payload. The number is a JSON
 * number or, because it is an int64, a text.
 */
function rejectedIn(body: string): number {
  const count = /"rejected(?:Spans|DataPoints)"\s*:\s*"?(\d{1,9})/.exec(body)?.[1]
  return Number(count ?? 0)
}

/** Returns the code of an error. The message is not used, because it may contain addresses. */
function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string')
    return error.code === 'ABORT_ERR' ? 'ETIMEDOUT' : error.code
  return error instanceof Error ? error.name : 'an unknown error'
}
