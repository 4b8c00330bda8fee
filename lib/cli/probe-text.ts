import type { ModelProbe } from './operations/probe-model.ts'

/** Describes a probe for people: the body that was sent, the answer, the verdict, and the charge. */
export function probeText({
  model,
  to,
  sent,
  took_ms,
  came,
  verdict,
  held_by,
  failure,
  result,
  charged,
  advice,
  usage,
}: ModelProbe): string[] {
  return [
    `${sent === undefined ? 'not sent' : 'sent'}: POST ${to.url}`,
    ...Object.entries(to.headers).map(([name, value]) => `  ${name}: ${value}`),
    ...(sent === undefined ? [] : [`  ${short(sent)}`]),
    ...(came
      ? [
          `came after ${took_ms} ms: ${[came.status, came.content_type].filter(Boolean).join(', ')}`,
          `  ${cut(came.body)}`,
        ]
      : []),
    `verdict: ${VERDICTS[verdict]}`,
    ...(failure?.detail === undefined ? [] : [`the model says: ${failure.detail}`]),
    ...(result === undefined ? [] : [`result: ${short(result)}`]),
    ...(usage === undefined ? [] : [`usage: ${short(usage)}`]),
    ...(charged === undefined ? [] : [`a request of ${model} would be charged: ${chargeText(charged)}`]),
    ...advice,
    ...(held_by === undefined ? [] : [heldText(model, held_by)]),
  ]
}

const VERDICTS: Readonly<Record<ModelProbe['verdict'], string>> = {
  ok: 'ok, the request would be completed',
  retry: 'retry, the call would be made again later',
  drop: 'drop, the request would fail at once',
  halt: 'halt, all calls to the model would stop',
}

const HELD: Readonly<Record<NonNullable<ModelProbe['held_by']>, string>> = {
  halt: 'is still halted',
  circuit: 'still has an open circuit',
  pause: 'is still paused',
}

/** Says that a model is still stopped after a successful probe of an operator. */
const heldText = (model: string, heldBy: NonNullable<ModelProbe['held_by']>): string =>
  `${model} ${HELD[heldBy]}: models probe changes no state. \`models reset ${model}\` lets requests call the model again.`

function chargeText({ requests, tokens, at_least }: NonNullable<ModelProbe['charged']>): string {
  if (requests === 0) return 'nothing'
  if (tokens !== undefined) return `1 request, ${tokens} tokens`
  return at_least === undefined ? '1 request, its estimate' : `1 request, its estimate, but at least ${at_least} tokens`
}

/** The most characters of a value that are shown. */
const MAX_SHOWN = 1_000

const cut = (text: string): string => (text.length > MAX_SHOWN ? `${text.slice(0, MAX_SHOWN)}…` : text)
const short = (value: unknown): string => cut(JSON.stringify(value))
