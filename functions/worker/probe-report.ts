import * as z from 'zod'
import type { Reply } from '../core/inference/port.ts'
import type { Settings } from './settings.ts'

/** The event of an operator. It asks the worker to call its model once, without a request. */
export const ProbeEvent = z.strictObject({
  probe: z.strictObject({ body: z.record(z.string(), z.unknown()), request_id: z.string() }),
})
export type ProbeEvent = z.infer<typeof ProbeEvent>

const Failure = z.object({
  verdict: z.enum(['retry', 'drop', 'halt']),
  code: z.string(),
  message: z.string(),
  reached: z.boolean(),
  status: z.int().optional(),
  detail: z.string().optional(),
})

/** Everything about one call to a model, from the mapping of its request to the charge. */
export const Probed = z.object({
  /** The URL and the headers of the call, with secrets masked. */
  to: z.object({ url: z.string(), headers: z.record(z.string(), z.string()) }),
  /** The body that the mapping made for the call, even if the call could not be made. Absent if the mapping failed. */
  sent: z.unknown().optional(),
  /** The duration of the call, in milliseconds. */
  took_ms: z.number().optional(),
  /** The answer, if there was one. */
  came: z
    .object({
      status: z.int(),
      content_type: z.string().optional(),
      headers: z.record(z.string(), z.string()),
      /** The beginning of the body, as text. */
      body: z.string(),
      /** The fields with a value in a JSON body, such as `choices[0].message.content`. */
      fields: z.array(z.string()),
    })
    .optional(),
  failure: Failure.optional(),
  result: z.unknown().optional(),
  usage: z.unknown().optional(),
  /**
   * What a request would be charged if the model gave it the answer in `came`. `tokens` is absent if the model reported
   * no usage: a request is then charged its estimate, or `at_least` tokens if that is more. `at_least` is present only
   * if the request bounds its output.
   */
  charged: z.object({ requests: z.int(), tokens: z.number().optional(), at_least: z.number().optional() }).optional(),
})
export type Probed = z.infer<typeof Probed>

/** Matches headers and fields of a query whose values may be secret. */
const SECRET_NAME = /auth|key|token|secret|password|cookie|sig|code/i
const MASK = '***'

/** Returns the URL and the headers of a model's calls, with secrets masked. */
export function describeTarget({ url, headers, auth }: Settings['endpoint']): Probed['to'] {
  const target = new URL(url)
  for (const name of [...target.searchParams.keys()]) if (SECRET_NAME.test(name)) target.searchParams.set(name, MASK)
  const given = Object.entries(headers).map(([name, value]) => [name, SECRET_NAME.test(name) ? MASK : value])
  return { url: target.href, headers: { ...Object.fromEntries(given), ...maskedAuth(auth) } }
}

function maskedAuth(auth: Settings['endpoint']['auth']): Record<string, string> {
  if (auth === undefined) return {}
  return 'secret' in auth ? { [auth.header]: auth.prefix + MASK } : { Authorization: `AWS4-HMAC-SHA256 ${MASK}` }
}

/**
 * The most characters of a body that a probe shows. An operator reads the beginning of a long answer, and the size of
 * Lambda's answer is limited.
 */
const MAX_BODY = 4_000

export function describeReply({
  status,
  content_type,
  headers,
  body,
}: Extract<Reply, { kind: 'answered' }>): Probed['came'] {
  const value = body.kind === 'json' ? body.value : undefined
  const text = value === undefined ? textOf(body) : JSON.stringify(value)
  return { status, content_type, headers, body: text.slice(0, MAX_BODY), fields: fieldsIn(value).slice(0, MAX_FIELDS) }
}

function textOf(body: Extract<Reply, { kind: 'answered' }>['body']): string {
  if (body.kind === 'text') return body.text
  return body.kind === 'unusable' ? `(${body.message})` : ''
}

const MAX_FIELDS = 40
const MAX_DEPTH = 6

/**
 * Returns the paths of the values in an answer, in JSONata's form. For a list, it returns only the paths of the first
 * item.
 */
function fieldsIn(value: unknown, path = '', depth = 0): string[] {
  if (typeof value !== 'object' || value === null || depth === MAX_DEPTH) return path === '' ? [] : [path]
  if (Array.isArray(value)) return value.length === 0 ? [] : fieldsIn(value[0], `${path || '$'}[0]`, depth + 1)
  return Object.entries(value)
    .slice(0, MAX_FIELDS)
    .flatMap(([name, child]) => {
      const step = /^[A-Za-z_]\w*$/.test(name) ? name : `\`${name}\``
      return fieldsIn(child, path === '' ? step : `${path}.${step}`, depth + 1)
    })
}
