import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { Socket } from 'node:net'
import type { Broken } from './port.ts'

/** One POST of a text, ready to be sent. */
export interface Post {
  /** `http:` or `https:` */
  readonly protocol: string
  readonly hostname: string
  readonly port?: number | undefined
  /** The path with the query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface Bounds {
  /** The longest time from the call to the last byte of the answer. */
  readonly timeout_ms: number
  /** The most bytes of the answer's body. */
  readonly max_bytes: number
}

/** The bytes of an answer. `bytes` is absent if there were more than `max_bytes`. */
export interface Sent {
  readonly kind: 'sent'
  readonly status: number
  /** Names are in lower case. Several lines of a header are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array | undefined
}

/** The longest time in which the TCP connection must be made, before TLS begins. Milliseconds. */
const CONNECT_MS = 5_000

/**
 * The time between two keep-alive packets, in milliseconds. NAT gateways and load balancers drop a connection that is
 * idle for 350 s, and a model may need longer. The worker would notice this loss only at the timeout of the call.
 */
const KEEP_ALIVE_MS = 60_000

/** The progress of a call. */
interface Progress {
  /**
   * Whether the connection is made, including TLS. Before that, the model can't have seen the call, and the request is
   * not charged for it.
   */
  reached: boolean
  /** Whether the whole request was handed to the network. */
  sent: boolean
  /** The first error of the request. It tells more about the cause than the errors that follow. */
  error?: Error
}

/**
 * Sends one POST over a new connection, and reads the answer. It does not use `fetch`, because `fetch` waits at most
 * five minutes for headers, even if its signal allows more, and a model may take 14 minutes. It follows no redirects.
 * It never rejects because of an error of the network or the model.
 */
export async function post(call: Post, { timeout_ms, max_bytes }: Bounds): Promise<Sent | Broken> {
  const progress: Progress = { reached: false, sent: false }
  const timeout = AbortSignal.timeout(timeout_ms)
  try {
    const response = await send(call, progress, timeout)
    const { statusCode = 0, headersDistinct } = response
    const bytes = await readBytes(response, max_bytes, timeout)
    return { kind: 'sent', status: statusCode, headers: joinLines(headersDistinct), bytes }
  } catch (error) {
    const first = codeOf(progress.error ?? error)
    if (!progress.reached) return broken('model_unreachable', `the model could not be reached (${first})`, false)
    if (timeout.aborted) return broken('model_timeout', `the model did not answer within ${timeout_ms / 1000} s`)
    return brokenOff(first, progress, Buffer.byteLength(call.body))
  }
}

function send(call: Post, progress: Progress, timeout: AbortSignal): Promise<IncomingMessage> {
  const { protocol, hostname, port, path, headers, body } = call
  return new Promise((resolve, reject) => {
    const request = (protocol === 'https:' ? httpsRequest : httpRequest)({
      method: 'POST',
      protocol,
      hostname: hostname.replace(/^\[|\]$/g, ''),
      port,
      path,
      headers,
      agent: agentOfOneCall(protocol, progress),
      signal: timeout,
    })
    // An error may still come after the answer. Then it has no effect, because the promise is already resolved.
    request.on('error', error => {
      progress.error ??= error
      reject(error)
    })
    request.on('finish', () => {
      progress.sent = true
    })
    request.on('response', resolve)
    // Node ends a request without an error if the answer is an upgrade to another protocol. Without this line, the call
    // would then wait for ever.
    request.on('close', () => reject(Object.assign(new Error('no answer'), { code: 'ECONNRESET' })))
    request.end(body)
  })
}

/**
 * Makes an agent that opens a new connection for its call. Lambda freezes a function between invocations. In that time,
 * the model may close an idle connection, and the next call over this connection would fail.
 */
function agentOfOneCall(protocol: string, progress: Progress): HttpAgent {
  const isSecure = protocol === 'https:'
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({ keepAlive: false })
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (...args) => {
    const socket = connect(...args)
    if (!(socket instanceof Socket)) return socket
    const timer = setTimeout(() => socket.destroy(timedOut()), CONNECT_MS)
    socket.once('close', () => clearTimeout(timer))
    socket.once('connect', () => {
      clearTimeout(timer)
      // Keep-alive is set after the connection is made. Before that, Node would ignore `KEEP_ALIVE_MS`.
      socket.setKeepAlive(true, KEEP_ALIVE_MS)
    })
    return socket.once(isSecure ? 'secureConnect' : 'connect', () => {
      progress.reached = true
    })
  }
  return agent
}

const timedOut = (): Error => Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })

async function readBytes(response: IncomingMessage, maxBytes: number, signal: AbortSignal) {
  const stop = () => response.destroy(signal.reason)
  signal.addEventListener('abort', stop, { once: true })
  try {
    signal.throwIfAborted()
    const chunks: Buffer[] = []
    let bytes = 0
    for await (const chunk of response) {
      bytes += chunk.length
      if (bytes > maxBytes) return undefined
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

const joinLines = (headers: NodeJS.Dict<string[]>): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, lines = []]) => [name, lines.join(', ')]))

/**
 * Node's code for a connection that ended in the middle of a header. This is a lost connection, and not a wrong answer.
 * So the call is retried.
 */
const CUT_OFF = 'HPE_INVALID_EOF_STATE'
const HEADERS_TOO_LARGE = 'HPE_HEADER_OVERFLOW'

/**
 * From this size on, a request may be handed to the network as a whole although the model has read only its beginning.
 * So if the connection is then reset, the model may have refused the size, and the call is made only once more. Bytes.
 */
const LARGE_BYTES = 1_048_576

/**
 * Returns whether the other side has reset the connection. A side resets a connection that it closes before it has read
 * everything. Otherwise it ends the connection in the usual way.
 */
const isReset = (error: NodeJS.ErrnoException | undefined): boolean =>
  error?.syscall !== undefined && (error.code === 'ECONNRESET' || error.code === 'EPIPE')

/** Builds the reply of a call that broke off after the model could have seen it. */
function brokenOff(code: string, { sent, error }: Progress, bodyBytes: number): Broken {
  if (code === HEADERS_TOO_LARGE)
    return broken('invalid_model_response', `the headers of the model's answer are over 16 KB (${code})`, true, 'never')
  if (code.startsWith('HPE_') && code !== CUT_OFF)
    return broken('invalid_model_response', `the model's answer is not valid HTTP (${code})`, true, 'never')
  const isCutOff = !sent || (bodyBytes >= LARGE_BYTES && isReset(error))
  if (!isCutOff) return broken('model_unreachable', `the connection to the model was lost (${code})`)
  const size = (bodyBytes / 1_048_576).toFixed(1)
  const message = `the model closed the connection while the request of ${size} MB was being sent (${code}); it may take no request of this size, so the call is tried once more at most`
  return broken('model_unreachable', message, true, 'once')
}

/**
 * Returns the code of an error. The error's message is not used, because it may contain addresses. A timeout of the
 * whole call has no code of its own, so it gets `ETIMEDOUT`.
 */
function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException
  return typeof code === 'string' && code !== 'ABORT_ERR' ? code : 'ETIMEDOUT'
}

const broken = (
  code: Broken['code'],
  message: string,
  reached = true,
  retry: Broken['retry'] = 'as configured',
): Broken => ({ kind: 'broken', code, message, reached, retry })
