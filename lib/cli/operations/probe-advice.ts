import type { Probed } from '../../../functions/worker/probe-report.ts'

/** Returns sentences about necessary changes of pipeline.yaml. Returns none if nothing is wrong. */
export function adviceOn(model: string, probed: Probed): string[] {
  const at = `models.${model}`
  const { failure, came, usage } = probed
  if (failure) return adviceOnFailure(at, failure, came)
  if (usage !== undefined) return []
  return [
    `${at}.response gives no usage, so the estimate is charged${fieldsOf(came, /token|usage/i)}. Map it as "usage" if the answer has it.`,
  ]
}

type Failure = NonNullable<Probed['failure']>

function adviceOnFailure(at: string, { code, status, reached }: Failure, came: Probed['came']): string[] {
  switch (code) {
    case 'mapping_failed':
      return [`${at}.request makes no body of this request: correct the expression, or send another one with --body.`]
    case 'unavailable':
      return [`${at}.endpoint.auth: the secret or the credentials can't be read: check secret and field.`]
    case 'model_timeout':
      return [`${at}.endpoint.timeout is shorter than the model needs, or the model hangs.`]
    case 'result_too_large':
      return [`${at}.request: ask the model for less, since an answer has at most 8 MB and a result 4 MB.`]
  }
  if (code === 'model_unreachable')
    return [
      `${at}.endpoint.url: ${reached ? 'the server breaks off the connection' : 'no server takes connections there'}.`,
    ]
  return (status !== undefined && STATUSES.get(status)?.map(text => `${at}.${text}`)) || adviceOnAnswer(at, came)
}

const URL_ADVICE = 'endpoint.url: the server has nothing for a POST at this path.'
const SECRET_ADVICE =
  'endpoint.auth: the server refuses the secret: check secret, header and prefix, and field if the secret is JSON. Then run models reset.'
const BODY_ADVICE = 'request: the server does not understand the body that is sent.'

const STATUSES: ReadonlyMap<number, readonly string[]> = new Map([
  [301, ['endpoint.url: use the address to which the server redirects.']],
  [302, ['endpoint.url: use the address to which the server redirects.']],
  [307, ['endpoint.url: use the address to which the server redirects.']],
  [308, ['endpoint.url: use the address to which the server redirects.']],
  [400, [BODY_ADVICE]],
  [401, [SECRET_ADVICE]],
  [403, [SECRET_ADVICE]],
  [404, [URL_ADVICE]],
  [405, [URL_ADVICE]],
  [415, [BODY_ADVICE]],
  [422, [BODY_ADVICE]],
])

/** Returns advice on a successful answer, or on an answer whose status does not show the cause of a failure. */
function adviceOnAnswer(at: string, came: Probed['came']): string[] {
  if (came === undefined) return []
  if (came.status >= 400) return [`The model fails by itself: ${at}.retry says what happens to its requests.`]
  if (came.status === 202) return [`${at}.endpoint.url must be an endpoint that answers with the result itself.`]
  if (/^\s*(data|event):|^\s*\{.*\}\s*\n\s*\{/.test(came.body)) return [`${at}.request: add "stream": false.`]
  if (came.fields.length === 0) return [`${at}.endpoint.url: the server answers with something that is no JSON object.`]
  return [`${at}.response finds no result in the answer${fieldsOf(came, /./)}. Map one of them as "result".`]
}

function fieldsOf(came: Probed['came'], which: RegExp): string {
  const fields = came?.fields.filter(field => which.test(field)) ?? []
  return fields.length === 0 ? '' : ` (it has ${fields.slice(0, 12).join(', ')})`
}
