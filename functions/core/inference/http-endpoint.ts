import { buildQueryString } from '@smithy/core/protocols'
import { HttpRequest } from '@smithy/protocol-http'
import { type Clock, systemClock } from '../platform/clock.ts'
import { sigV4Signer } from '../platform/sigv4.ts'
import { isFailedCall } from '../platform/unavailable.ts'
import type { Broken, ModelEndpoint, Reply } from './port.ts'
import { MAX_ANSWER_BYTES, readBody, TOO_LARGE } from './read-body.ts'
import { type Post, post, type Sent } from './transport.ts'

export interface EndpointSettings {
  readonly url: string
  /** The longest time from the beginning of the call to the last byte of the answer. */
  readonly timeout_ms: number
  readonly headers: Record<string, string>
  /**
   * The credentials of a call: a secret in a header, or one field of a secret that is a JSON object, or a SigV4
   * signature for the named AWS service.
   */
  readonly auth?:
    | {
        readonly header: string
        readonly prefix: string
        readonly secret: string
        readonly field?: string | undefined
      }
    | { readonly sigv4: string }
    | undefined
}

/** The value of a secret that the caller wants. */
interface WantedSecret {
  /** The field of a secret that is a JSON object. */
  readonly field?: string | undefined
  /**
   * The secret must have been read after this time (epoch milliseconds). A value that was cached earlier is not good
   * enough, because the model may just have refused it.
   */
  readonly after?: number | undefined
}

/** Reads a secret by its name. The text can be sent in a header. */
export type ReadSecret = (name: string, wanted?: WantedSecret) => Promise<string>

interface Surroundings {
  readonly clock?: Clock
  /** Returns the context of the call's trace, for a header of the call. Returns undefined if tracing is off. */
  traceparent?(): string | undefined
  /**
   * Called before each further call to the model, i.e. before a call is repeated with a new secret, so that this call
   * is counted, too.
   */
  onFurtherCall?(): void
}

/**
 * The shortest time that must be left for a further call with a new secret, in milliseconds. If less is left, the 401
 * of the first call is the answer.
 */
const MIN_CALL_MS = 1_000

/** Calls a model over HTTP(S). It follows no redirects, so the secret is sent only to the configured host. */
export function httpEndpoint(
  settings: EndpointSettings,
  readSecret: ReadSecret,
  { clock = systemClock, onFurtherCall, traceparent }: Surroundings = {},
): ModelEndpoint {
  const keyed = settings.auth && 'secret' in settings.auth ? settings.auth : undefined
  const signer = settings.auth && 'sigv4' in settings.auth ? sigV4Signer(settings.auth.sigv4, clock) : undefined

  const read = async (after?: number): Promise<string | undefined> =>
    keyed && readSecret(keyed.secret, { field: keyed.field, after })

  const callWith = async (
    secret: string | undefined,
    requestId: string | undefined,
    { url, text }: { url: string; text: string },
    timeoutMs: number,
  ) => {
    const context = traceparent?.()
    const request = requestOf(url, text, {
      ...(context !== undefined && { traceparent: context }),
      ...(requestId !== undefined && { 'idempotency-key': requestId }),
      ...settings.headers,
      ...(keyed && secret !== undefined && { [keyed.header]: keyed.prefix + secret }),
    })
    const signed = (await signer?.sign(request)) ?? request
    const sent = await post(toPost(signed, text), { timeout_ms: timeoutMs, max_bytes: MAX_ANSWER_BYTES })
    return toReply(sent, url, secret)
  }

  return {
    prepare: async () => {
      await read()
      await signer?.prepare()
    },
    call: async (requestId, body, url = settings.url) => {
      const text = JSON.stringify(body)
      const to = { url, text }
      const startedAt = clock()
      const secret = await read()
      const reply = await callWith(secret, requestId, to, settings.timeout_ms)
      if (secret === undefined || reply.kind === 'broken' || reply.status !== 401) return reply
      // A 401 may mean that the secret was replaced after it was read. So the secret is read again. If it is the same
      // as before, the call is not repeated, because the model would refuse it again.
      const renewed = await ifAvailable(() => read(startedAt))
      const timeLeft = settings.timeout_ms - (clock() - startedAt)
      if (renewed === undefined || renewed === secret || timeLeft < MIN_CALL_MS) return reply
      onFurtherCall?.()
      return callWith(renewed, requestId, to, timeLeft)
    },
  }
}

/**
 * Reads a secret again, or returns undefined if it can't be read. The model has been called already, and its answer
 * must not be lost because of the secret.
 */
async function ifAvailable(read: () => Promise<string | undefined>): Promise<string | undefined> {
  try {
    return await read()
  } catch (error) {
    if (isFailedCall(error)) return undefined
    throw error
  }
}

function requestOf(url: string, text: string, headers: Record<string, string>): HttpRequest {
  const { protocol, hostname, port, host, pathname, search } = new URL(url)
  return new HttpRequest({
    method: 'POST',
    protocol,
    hostname,
    ...(port && { port: Number(port) }),
    path: pathname + search,
    headers: {
      host,
      'content-type': 'application/json',
      accept: 'application/json',
      ...headers,
      'content-length': String(Buffer.byteLength(text)),
    },
    body: text,
  })
}

/**
 * Converts a signed request to a post. The signed request has its query in a separate field, which is put back into the
 * path.
 */
function toPost({ protocol, hostname, port, path, query, headers }: HttpRequest, body: string): Post {
  const search = buildQueryString(query)
  return { protocol, hostname, port, path: search === '' ? path : `${path}?${search}`, headers, body }
}

async function toReply(sent: Sent | Broken, url: string, secret: string | undefined): Promise<Reply> {
  if (sent.kind === 'broken') return sent
  const { status, headers, bytes } = sent
  const body = bytes === undefined ? TOO_LARGE : await readBody(bytes, headers, secret)
  return { kind: 'answered', url, status, headers, content_type: headers['content-type'], body }
}
