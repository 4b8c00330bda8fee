import type { RequestView } from '../lifecycle/view-request.ts'
import { defined, isObject, type Json, objectsOf } from '../openai-format/json.ts'
import { isChatCompletion, isCompletion, readChoices, type Said } from '../openai-format/said.ts'
import { chatUsage } from './usage.ts'
import { secondsOf, serviceTierOf } from './view-fields.ts'

/**
 * Builds the chat completion of a completed request. The answer of an OpenAI-like endpoint stays unchanged except for
 * its id and its model.
 */
export function chatCompletion(view: RequestView): Json {
  const { request_id: id, model, result, usage } = view
  const raw = isObject(result) ? result : {}
  const choices = isChatCompletion(result) ? raw.choices : choicesOf(result)
  return {
    ...(isChatCompletion(result) ? raw : {}),
    id,
    object: 'chat.completion',
    created: secondsOf(view.created_at),
    model,
    choices,
    service_tier: serviceTierOf(view),
    usage: chatUsage(usage, raw.usage),
  }
}

/**
 * Returns the choices of a chat completion. If an answer has several choices, the profile of its provider (the mappings
 * that Sluice brings with it) keeps all of them in the result.
 */
function choicesOf(result: unknown): Json[] {
  const kept = isObject(result) ? objectsOf(result.choices) : []
  if (kept.length > 0 && kept.every(({ message }) => isObject(message))) return kept
  return readChoices(result).map((said, index) => ({
    index,
    message: messageOf(said),
    logprobs: null,
    finish_reason: said.finish_reason,
  }))
}

function messageOf({ text, refusal, reasoning, tool_calls: calls }: Said): Json {
  return defined({
    role: 'assistant',
    content: text === '' && (calls.length > 0 || refusal !== undefined) ? null : text,
    refusal: refusal ?? null,
    reasoning_content: reasoning,
    tool_calls:
      calls.length === 0 ? undefined : calls.map(({ id, ...called }) => ({ id, type: 'function', function: called })),
    annotations: [],
  })
}

/** Builds the completion of a completed request. */
export function completion(view: RequestView): Json {
  const { request_id: id, model, result, usage } = view
  const raw = isObject(result) ? result : {}
  const own = readChoices(result).map(({ text, finish_reason }, index) => ({
    index,
    text,
    logprobs: null,
    finish_reason,
  }))
  return {
    ...(isCompletion(result) ? raw : {}),
    id,
    object: 'text_completion',
    created: secondsOf(view.created_at),
    model,
    choices: isCompletion(result) ? raw.choices : own,
    usage: chatUsage(usage, raw.usage),
  }
}
