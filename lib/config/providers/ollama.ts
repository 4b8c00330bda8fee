import { CHAT, CHAT_ESTIMATE, OUTPUT_BOUND } from './fragments.ts'
import type { Profile } from './profile.ts'

/** The parameters that are sent as fields of the call's body. All other parameters are sent inside `options`. */
const FIELDS = ['format', 'think', 'keep_alive', 'tools']

export const OLLAMA: Profile = {
  title: "Ollama's chat",
  serves: 'Ollama, on your machine or its cloud',
  path: {
    base: '',
    operation: '/api/chat',
    known: ['/api/[a-z]+', '/v1/chat/completions', '/v1'],
  },
  request: `{
  "model": $model,
  "messages": ${CHAT},
  "stream": false,
  ${FIELDS.map(name => `"${name}": parameters.${name}`).join(',\n  ')},
  "options": $merge([
    $omit(parameters, "system", "model", "messages", "prompt", "stream", "stop", "max_tokens", "max_completion_tokens", "max_output_tokens", ${FIELDS.map(name => `"${name}"`).join(', ')}),
    { "num_predict": ${OUTPUT_BOUND}, "stop": parameters.stop ? [parameters.stop] }
  ])
}`,
  response: `{
  "result": $not(done = false) ? ($type(message) = "object" ? {
    "text": message.content ?? "",
    "reasoning_content": message.thinking ? message.thinking,
    "tool_calls": message.tool_calls ? message.tool_calls,
    "finish_reason": done_reason
  } : $exists(response) ? { "text": response, "finish_reason": done_reason }),
  "usage": { "prompt_tokens": prompt_eval_count, "completion_tokens": eval_count }
}`,
  estimate: CHAT_ESTIMATE,
  retry: {
    backoff_on: [429, 499, 503],
    drop_on: [400, 404],
    halt_when: 'status = 402',
    drop_when:
      '$contains($string(body.error), "exceeds the context length") or $contains($string(body.error), "exceeds maximum context length")',
    backoff_when: 'status < 300 and ($boolean(body.error) or body.done_reason = "load")',
  },
  notes: [
    'The call waits while Ollama loads a model. So `endpoint.timeout` must be longer than the time of loading, for example 5m. Otherwise, the first calls fail with a timeout.',
    '`format`, `think`, `keep_alive` and `tools` of `parameters` are sent unchanged. All other parameters are sent as `options`: `max_tokens` as `num_predict`, `stop` as a list.',
    'The result is `{ "text", "finish_reason" }`. The result also has `reasoning_content` (from thinking) and `tool_calls` if the model gave them.',
    'An answer with `"done": false` is only a part of a stream. Then the request fails with `invalid_model_response`.',
    'Ollama does not report the tokens of the prompt that are in its cache from the previous call. So these tokens are not charged.',
    'Ollama also has an OpenAI-like API. To use it, write `provider: openai` and the URL with `/v1`.',
  ],
  sources: ['https://docs.ollama.com/api/chat', 'https://docs.ollama.com/api/errors'],
}
