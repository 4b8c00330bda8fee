import type { RequestView } from '../lifecycle/view-request.ts'
import { isObject, type Json } from '../openai-format/json.ts'
import { isResponse, readChoices, type Said } from '../openai-format/said.ts'
import { responseUsage } from './usage.ts'
import { secondsOf, serviceTierOf } from './view-fields.ts'

/**
 * The fields that a response repeats from its call, with neutral values for a call that does not have them. OpenAI's
 * SDKs need all of these fields.
 */
const REPEATED: Json = {
  instructions: null,
  max_output_tokens: null,
  parallel_tool_calls: true,
  previous_response_id: null,
  reasoning: { effort: null, summary: null },
  temperature: null,
  text: { format: { type: 'text' } },
  tool_choice: 'auto',
  tools: [],
  top_p: null,
  truncation: 'disabled',
}

/**
 * The largest size of the repeated fields, in bytes of JSON. A result has up to 4 MB and a stream has these fields three
 * times. With larger fields, the answer could be too large for Lambda, and the client would not get its result.
 */
const MAX_REPEATED_BYTES = 64 * 1024

/** Returns the fields that a response repeats from the body of its call. */
function repeated(body: Json): Json {
  const fields = Object.fromEntries(
    Object.entries(REPEATED).map(([name, neutral]) => {
      const given = body[name] ?? neutral
      return [name, isObject(neutral) && isObject(given) ? { ...neutral, ...given } : given]
    }),
  )
  return Buffer.byteLength(JSON.stringify(fields)) <= MAX_REPEATED_BYTES ? fields : REPEATED
}

/**
 * Builds the response about a request with any status. `body` is the body of the call that has posted the request. A
 * later call does not know this body, because Sluice does not store it. Then `background` is null, which means unknown.
 */
export function responseOf(view: RequestView, body?: Json): Json {
  const { request_id: id, model, metadata, result, status, completed_at: completedAt } = view
  const raw = isResponse(result) ? result : undefined
  const said = status === 'completed' ? readChoices(result) : []
  return {
    ...(body ? repeated(body) : REPEATED),
    ...raw,
    id,
    object: 'response',
    created_at: secondsOf(view.created_at),
    ...(completedAt !== undefined && { completed_at: secondsOf(completedAt) }),
    status: statusOf(view, said),
    background: body ? body.background === true : null,
    error: errorOf(view),
    incomplete_details: incompleteOf(said),
    model,
    metadata: metadata ?? {},
    output: raw?.output ?? outputOf(id, said),
    service_tier: serviceTierOf(view),
    usage: responseUsage(view.usage, isObject(result) ? result.usage : undefined) ?? null,
  }
}

const STATUSES = {
  queued: 'queued',
  running: 'in_progress',
  completed: 'completed',
  failed: 'failed',
  cancelled: 'cancelled',
  expired: 'failed',
  rejected: 'failed',
} as const satisfies Record<RequestView['status'], string>

const statusOf = ({ status }: RequestView, said: readonly Said[]): string =>
  incompleteOf(said) ? 'incomplete' : STATUSES[status]

function incompleteOf(said: readonly Said[]): Json | null {
  if (said.some(({ finish_reason: reason }) => reason === 'length')) return { reason: 'max_output_tokens' }
  const isFiltered = said.some(
    ({ finish_reason: reason, refusal }) => reason === 'content_filter' && refusal === undefined,
  )
  return isFiltered ? { reason: 'content_filter' } : null
}

function errorOf({ status, error }: RequestView): Json | null {
  if (status === 'expired') return { code: 'expired', message: 'the request expired before it was started' }
  if (status !== 'failed' || !error) return null
  return { code: error.code, message: error.detail ?? error.message }
}

/**
 * Builds the items of an output. A response has no choices, so the items of all choices follow each other. Their ids are
 * made from the request's id, so that each read gives the same ids.
 */
const outputOf = (id: string, choices: readonly Said[]): Json[] =>
  choices.flatMap((said, index) => itemsOf(index === 0 ? id : `${id}_${index}`, said))

function itemsOf(id: string, { text, refusal, reasoning, tool_calls: calls }: Said): Json[] {
  const part =
    refusal === undefined ? { type: 'output_text', text, annotations: [], logprobs: [] } : { type: 'refusal', refusal }
  const isSaid = text !== '' || refusal !== undefined || calls.length === 0
  const summary = [{ type: 'summary_text', text: reasoning }]
  return [
    ...(reasoning === undefined ? [] : [{ id: `rs_${id}`, type: 'reasoning', summary }]),
    ...(isSaid ? [{ id: `msg_${id}`, type: 'message', role: 'assistant', status: 'completed', content: [part] }] : []),
    ...calls.map(({ id: callId, ...called }, index) => ({
      id: `fc_${id}_${index}`,
      type: 'function_call',
      call_id: callId,
      status: 'completed',
      ...called,
    })),
  ]
}
