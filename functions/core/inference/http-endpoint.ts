import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { HttpRequest, type HttpResponse } from '@smithy/protocol-http'
import type { FailureCode } from '../domain/errors.ts'
import { tooLargeForAnswer } from '../domain/json-size.ts'
import { type Clock, systemClock } from '../platform/clock.ts'
import type { Answered, Body, Broken, ModelEndpoint } from './port.ts'
import { AnswerTooLarge, readText } from './read-text.ts'
import { sigV4Signer } from './signer.ts'

export interface EndpointSettings {
  readonly url: string
  /** From the call to the last byte of the answer. */
  readonly timeout_ms: number
  readonly headers: Record<string, string>
  /** A secret in a header, or a signature for this AWS service. */
  readonly auth?:
    | { readonly header: string; readonly prefix: string; readonly secret: string }
    | { readonly sigv4: string }
    | undefined
}

/** Reads a secret by its name. */
export type ReadSecret = (name: string) => Promise<string>

/**
 * The largest answer that is read. It is larger than a result may be, since the response mapping may leave most of it out.
 * Ten such answers at once, parsed, fit into a worker's memory.
 */
const MAX_ANSWER_BYTES = 8 * 1024 * 1024

/**
 * Calls a model over HTTP(S), with the SDK's own HTTP handler. `fetch` would not do: it gives up on headers after five minutes
 * whatever its signal says, and an endpoint may take fourteen. Redirects are not followed.
 */
export function httpEndpoint(
  settings: EndpointSettings,
  readSecret: ReadSecret,
  clock: Clock = systemClock,
): ModelEndpoint {
  const url = new URL(settings.url)
  const keyed = settings.auth && 'secret' in settings.auth ? settings.auth : undefined
  const signer = settings.auth && 'sigv4' in settings.auth ? sigV4Signer(settings.auth.sigv4, clock) : undefined

  const headersFor = async (requestId: string | undefined): Promise<Record<string, string>> => {
    const auth = keyed && { [keyed.header]: keyed.prefix + (await readSecret(keyed.secret)) }
    return {
      host: url.host,
      'content-type': 'application/json',
      accept: 'application/json',
      ...(requestId === undefined ? {} : { 'idempotency-key': requestId }),
      ...settings.headers,
      ...auth,
    }
  }

  return {
    prepare: async () => {
      if (keyed) await readSecret(keyed.secret)
      await signer?.prepare()
    },
    call: async (requestId, body) => {
      const text = JSON.stringify(body)
      const request = new HttpRequest({
        method: 'POST',
        protocol: url.protocol,
        hostname: url.hostname,
        ...(url.port ? { port: Number(url.port) } : {}),
        path: url.pathname + url.search,
        headers: { ...(await headersFor(requestId)), 'content-length': String(Buffer.byteLength(text)) },
        body: text,
      })
      const signed = (await signer?.sign(request)) ?? request
      let reached = false
      const agent = agentOfOneCall(url, () => {
        reached = true
      })
      const handler = new NodeHttpHandler({ connectionTimeout: 5_000, httpAgent: agent, httpsAgent: agent })
      const timeout = AbortSignal.timeout(settings.timeout_ms)
      try {
        const { response } = await handler.handle(signed, { abortSignal: timeout })
        const secret = keyed && (await readSecret(keyed.secret))
        return toAnswered(response, await readBody(response, timeout, secret))
      } catch (error) {
        return reached
          ? brokenOff(error, timeout, settings.timeout_ms)
          : broken('model_unreachable', `the model could not be reached (${codeOf(error)})`, false)
      }
    },
  }
}

/**
 * Makes a new connection for each call. Lambda freezes a function between invocations; the model may close a kept connection
 * meanwhile, and then the next call would fail. `onReady` is called once the connection is made, TLS included. Before that, the
 * model can't have seen anything.
 */
function agentOfOneCall({ protocol }: URL, onReady: () => void): HttpAgent {
  const isSecure = protocol === 'https:'
  const agent = new (isSecure ? HttpsAgent : HttpAgent)({ keepAlive: false })
  const connect = agent.createConnection.bind(agent)
  agent.createConnection = (...args) => connect(...args)?.once(isSecure ? 'secureConnect' : 'connect', onReady)
  return agent
}

const toAnswered = ({ statusCode, headers }: HttpResponse, body: Body): Answered => ({
  kind: 'answered',
  status: statusCode,
  headers,
  content_type: headers['content-type'],
  body,
})

async function readBody({ body }: HttpResponse, timeout: AbortSignal, secret: string | undefined): Promise<Body> {
  try {
    return toBody(masked(await readText(body, MAX_ANSWER_BYTES, timeout), secret))
  } catch (error) {
    if (error instanceof AnswerTooLarge) return { kind: 'unusable', code: 'result_too_large', message: error.message }
    throw error
  }
}

/** A shorter secret is no secret: it would be found in any text. */
const MIN_SECRET_LENGTH = 8

/** Some models quote the key of a call in their errors. */
const masked = (text: string, secret = ''): string =>
  secret.length < MIN_SECRET_LENGTH ? text : text.replaceAll(secret, '***')

function toBody(text: string): Body {
  if (text === '') return { kind: 'empty' }
  // The size is checked before the text is parsed: 8 MB of empty objects become a value of 180 MB, and a worker may have ten answers at a time.
  const tooLarge = tooLargeForAnswer(text)
  if (tooLarge) return { kind: 'unusable', code: 'invalid_model_response', message: `the model's answer ${tooLarge}` }
  try {
    return { kind: 'json', value: JSON.parse(text) }
  } catch {
    return { kind: 'text', text, why: 'is not JSON' }
  }
}

/** A call that broke after the model could have seen it. */
function brokenOff(error: unknown, timeout: AbortSignal, timeoutMs: number): Broken {
  if (timeout.aborted) return broken('model_timeout', `the model did not answer within ${timeoutMs / 1000} s`)
  return broken('model_unreachable', `the connection to the model was lost (${codeOf(error)})`)
}

/** Only the code of an error is passed on, since its message may name addresses. A timeout of the handler has no code. */
const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'ETIMEDOUT'

const broken = (code: FailureCode, message: string, reached = true): Broken => ({
  kind: 'broken',
  code,
  message,
  reached,
  retry: 'as configured',
})
