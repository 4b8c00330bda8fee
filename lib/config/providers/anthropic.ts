import { CHAT_ESTIMATE, INSTRUCTIONS, OUTPUT_BOUND, TALK } from './fragments.ts'
import type { Profile } from './profile.ts'

const starts = (text: string): string => `$substring($string(body.error.message), 0, ${text.length}) = "${text}"`

export const ANTHROPIC: Profile = {
  title: "Anthropic's Messages API",
  serves: 'Anthropic, and proxies with this API',
  path: {
    base: '',
    operation: '/v1/messages',
    known: ['/v1/complete', '/v1/models(?:/[^/]+)*'],
  },
  endpoint: { headers: { 'anthropic-version': '2023-06-01' }, auth: { header: 'x-api-key', prefix: '' } },
  request: `$merge([
  $omit(parameters, "system", "model", "messages", "prompt", "stream", "n", "stop", "max_tokens", "max_completion_tokens", "max_output_tokens"),
  {
    "model": $model,
    "max_tokens": ${OUTPUT_BOUND} ?? 1024,
    "system": parameters.system ? parameters.system : messages ? $join(
      [${INSTRUCTIONS}.content[$type($) = "string"], ${INSTRUCTIONS}.content.text], "\\n\\n"
    ),
    "messages": messages ? [${TALK}] : [{ "role": "user", "content": prompt }],
    "stop_sequences": parameters.stop ? [parameters.stop]
  }
])`,
  response: `{
  "result": $type(content) = "array" ? {
    "text": $join([content[type = "text"].text]),
    "reasoning_content": $join(content[type = "thinking"].thinking),
    "tool_calls": content[type = "tool_use"] ? [content[type = "tool_use"]],
    "finish_reason": stop_reason
  },
  "usage": $exists(usage.input_tokens) ? {
    "prompt_tokens": $sum([usage.input_tokens, usage.cache_creation_input_tokens, usage.cache_read_input_tokens][$type($) = "number"]),
    "completion_tokens": usage.output_tokens
  } : usage
}`,
  estimate: CHAT_ESTIMATE,
  retry: {
    backoff_on: [409, 429, 503, 529],
    drop_on: [400, 404, 413],
    halt_when: `status = 402 or (body.error.type in ["billing_error", "authentication_error"])
  or body.error.details.error_code = "enforced_spend_limit_reached"
  or ${starts('Your credit balance is too low')}
  or ${starts('You have reached your specified')}`,
    backoff_when:
      'body.error.type in ["overloaded_error", "api_error", "timeout_error"] or (status < 300 and body.type = "error")',
  },
  notes: [
    '`auth: { secret: NAME }` sends the secret as `x-api-key`, without a prefix. The header `anthropic-version` is 2023-06-01 unless `headers` has another value.',
    'The API requires `max_tokens`. If the request does not limit its output, Sluice sends 1,024.',
    'The `messages` of a body with the role system or developer become `system`. All other messages are sent unchanged. `parameters.stop` becomes `stop_sequences`. All other `parameters` are sent unchanged.',
    'The result is `{ "text", "finish_reason" }`. The result also has `reasoning_content` (from thinking) and `tool_calls` if the model gave them. Tokens of the cache are counted as tokens of the prompt.',
    'If a spend limit is reached or the balance is empty, the API answers 400 or 429 with a type that other errors have, too. Sluice recognizes such an answer by the beginning of its message, or by `details`. A message that quotes a request begins in another way. So no client can halt a model with the text of a request.',
  ],
  sources: [
    'https://docs.anthropic.com/en/api/messages',
    'https://docs.anthropic.com/en/api/errors',
    'https://docs.anthropic.com/en/api/rate-limits',
  ],
}
