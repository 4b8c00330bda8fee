import type { RequestView } from '../lifecycle/view-request.ts'
import { isObject, type Json } from '../openai-format/json.ts'
import { isResponse, readChoices, type Said } from '../openai-format/said.ts'
import { responseUsage } from './usage.ts'
import { secondsOf, serviceTierOf } from './view-fields.ts'

/** The fields of a response that Sluice does not store, with neutral values. OpenAI's SDKs need all of these fields. */
const UNKNOWN: Json = {
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

/** Builds the response about a request with any status. `background` says whether the client has asked not to wait. */
export function responseOf(view: RequestView, background = true): Json {
  const { request_id: id, model, metadata, result, status, completed_at: completedAt } = view
  const raw = isResponse(result) ? result : undefined
  const said = status === 'completed' ? readChoices(result) : []
  return {
    ...UNKNOWN,
    ...raw,
    id,
    object: 'response',
    created_at: secondsOf(view.created_at),
    ...(completedAt !== undefined && { completed_at: secondsOf(completedAt) }),
    status: statusOf(view, said),
    background,
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
