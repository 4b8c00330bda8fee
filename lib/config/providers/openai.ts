import { CHAT, CHAT_ESTIMATE } from './fragments.ts'
import type { Profile } from './profile.ts'

const MESSAGE = 'choices[0].message'

/**
 * The JSONata of an answer's text: the content of the message, or the joined texts of the content's parts. A message that
 * has only reasoning or calls of tools gives an empty text.
 */
export const CHAT_TEXT = `$type(${MESSAGE}.content) = "string" ? ${MESSAGE}.content :
      $type(${MESSAGE}.content) = "array" ? $join([${MESSAGE}.content[$type(text) = "string"].text]) : choices[0].text ?? ""`

export const CHAT_RESULT = `$type(${MESSAGE}) = "object" or $exists(choices[0].text) ? {
    "text": ${CHAT_TEXT},
    "reasoning_content": ${MESSAGE}.reasoning_content ? ${MESSAGE}.reasoning_content :
      ${MESSAGE}.reasoning ? ${MESSAGE}.reasoning,
    "tool_calls": ${MESSAGE}.tool_calls ? ${MESSAGE}.tool_calls,
    "refusal": ${MESSAGE}.refusal ? ${MESSAGE}.refusal,
    "finish_reason": choices[0].finish_reason,
    "choices": $count(choices) > 1 ? choices
  }`

/** The JSONata condition that an OpenAI-like server reports success, but its body contains no text and no message. */
const IS_EMPTY =
  '$exists(body.choices) and $not($type(body.choices[0].message) = "object" or $exists(body.choices[0].text))'

/** The codes of an account without credit. OpenAI sends them with 429, and other services with 402. */
const NO_CREDIT = [
  'insufficient_quota',
  'credit_balance_exhausted',
  'organization_spend_limit_exceeded',
  'organization_usage_limit_exceeded',
  'project_spend_limit_exceeded',
  'billing_hard_limit_reached',
  'billing_not_active',
  'account_deactivated',
  'invalid_api_key',
]
/**
 * The JSONata condition that OpenRouter refuses one request with 402, because the tokens that the request allows cost
 * more than the remaining credit. Other requests may still be accepted, so this answer must not halt the model.
 */
const TOO_MANY_TOKENS = '$substring($string(body.error.message), 0, 34) = "This request requires more credits"'

/**
 * The JSONata of an answer that is an error itself, without the field `error` (vLLM, FastChat). An answer with one of the
 * lists `choices`, `data` and `output` is a result. Null is no list: `null != null` is false, and so is a comparison of a
 * missing field. The code may be a text.
 */
const BARE_ERROR = `body[$not(choices != null or data != null or output != null) and (object = "error"
    or ($type(message) = "string" and $length($string(code)) = 3 and $substring($string(code), 0, 1) in ["4", "5"]))]`
const ERRORS = `[body.error, ${BARE_ERROR}]`

/** The statuses from 400 to 499 that do not fail the request: the same call may succeed later, or the model is halted. */
const NOT_FINAL = '["402", "408", "409", "425", "429"]'
/** The JSONata condition that an error will not pass. FastChat adds two digits to the status: 40303. */
const IS_FINAL = `type = "invalid_request_error" or ($length($string(code)) in [3, 5]
      and $substring($string(code), 0, 1) = "4" and $not($substring($string(code), 0, 3) in ${NOT_FINAL}))`

const list = (words: readonly string[]): string => words.map(word => JSON.stringify(word)).join(',\n    ')

export const OPENAI: Profile = {
  title: "OpenAI's chat completions",
  serves: 'OpenAI, OpenRouter, Groq, vLLM, LM Studio, llama.cpp, LiteLLM, and other servers with this API',
  path: {
    base: '/v1',
    operation: '/chat/completions',
    known: ['/completions', '/embeddings', '/responses', '/models(?:/[^/]+)*'],
  },
  request: `$merge([
  $omit(parameters, "system", "model", "models", "route", "provider", "fallbacks", "api_base", "api_key", "base_url",
    "messages", "prompt", "stream", "stream_options", "max_output_tokens"),
  {
    "model": $model,
    "messages": ${CHAT},
    "max_tokens": max_tokens ? max_tokens,
    "max_completion_tokens": max_completion_tokens ? max_completion_tokens :
      max_output_tokens ? max_output_tokens : parameters.max_output_tokens ? parameters.max_output_tokens,
    "n": n ? n
  }
])`,
  response: `{
  "result": ${CHAT_RESULT},
  "usage": usage
}`,
  estimate: CHAT_ESTIMATE,
  retry: {
    backoff_on: [429, 498, 503],
    drop_on: [400, 404],
    halt_when: `$exists([${ERRORS}.type, ${ERRORS}.code][$ in [
    ${list(NO_CREDIT)}
  ]])
  or ((status = 402 or $exists(${ERRORS}[$string(code) = "402"])) and $not(body.error.metadata.limit_source = "openrouter_in_flight_budget")
    and $not(${TOO_MANY_TOKENS}))`,
    drop_when: `${TOO_MANY_TOKENS} or body.error.code = "context_length_exceeded" or body.error.type = "exceed_context_size_error"
  or $substring($string(body.error.message), 0, 30) = "Context size has been exceeded"
  or (status = 403 and $exists(body.error.metadata))
  or (status < 300 and (
    $type(body.error) = "string" and body.error != ""
    or $exists(${ERRORS}[${IS_FINAL}])
  ))`,
    backoff_when: `(status < 300 and (
    $type(body.error) = "object" or $type(body.choices[0].error) = "object" or $exists(${BARE_ERROR})
    or ${IS_EMPTY}
  ))
  or (status = 402 and body.error.metadata.limit_source = "openrouter_in_flight_budget")`,
  },
  notes: [
    'The `messages` of a body are sent unchanged. If there are none, Sluice makes messages from `parameters.system` and `prompt`.',
    'All `parameters` are sent, with these exceptions: `stream`, because Sluice reads a whole answer, and parameters that would choose another model or account (`models`, `route`, `provider`, `fallbacks`, `api_base`, `api_key`, `base_url`). If `n` is over 1, the result also has all `choices`.',
    'The result is `{ "text", "finish_reason" }`. The result also has `reasoning_content`, `tool_calls` and `refusal` if the model gave them. If the content of the message has several parts, Sluice joins the texts of the parts. If the model gave only reasoning, `text` is empty. `finish_reason` then shows whether the reasoning has used up the allowed tokens.',
    'vLLM refuses connections while it loads a model. So set `circuit` for a model on vLLM. Otherwise, the requests use up their attempts while vLLM loads the model. llama.cpp answers 503 "Loading model". Then only probes are made, one at a time, until the model has loaded, and no request uses up an attempt.',
    'A 429 with "insufficient quota" only in its message is retried (Scaleway uses these words for its limit of simultaneous requests). Only the code or the type `insufficient_quota` means an account without credit.',
    'OpenRouter and other providers send errors with status 200. If the `code` of the error is a 4xx, the request fails; otherwise it is retried. An error may also have no field `error` (vLLM, FastChat): then the answer has `"object": "error"`, or a `message` and a `code` from 400 to 599. For an unknown path, LM Studio answers 200 with `error` as a text, and the request fails with this text.',
    'A 403 with `metadata` means that moderation refused this one request (OpenRouter). The request fails.',
    'A 402 with "This request requires more credits" (OpenRouter) means that this one request may use more tokens than the credit allows. The request fails. Any other 402 halts the model.',
    "OpenAI's reasoning models use `max_completion_tokens` instead of `max_tokens`.",
  ],
  sources: [
    'https://platform.openai.com/docs/guides/error-codes',
    'https://help.openai.com/en/articles/6614457-troubleshooting-api-usage-and-spend-limits',
    'https://openrouter.ai/docs/api/reference/errors-and-debugging',
    'https://console.groq.com/docs/errors',
    'https://github.com/ggml-org/llama.cpp/tree/master/tools/server',
  ],
}
