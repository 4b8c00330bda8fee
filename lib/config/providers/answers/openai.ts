import type { DocumentedAnswer } from './answer.ts'

const completion = (message: object, more: object = {}, usage: unknown = USAGE) => ({
  id: 'chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT',
  object: 'chat.completion',
  created: 1_780_000_000,
  model: 'gpt-5-mini-2025-08-07',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', refusal: null, ...message },
      logprobs: null,
      finish_reason: 'stop',
      ...more,
    },
  ],
  usage,
})
const USAGE = {
  prompt_tokens: 9,
  completion_tokens: 12,
  total_tokens: 21,
  prompt_tokens_details: { cached_tokens: 0, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0 },
}
const COUNTED = { prompt_tokens: 9, completion_tokens: 12, total_tokens: 21 }

const error = (message: string, type: string, code: string | null = null, param: string | null = null) => ({
  error: { message, type, param, code },
})

/** An error in the form of vLLM and FastChat, which have no field `error`. */
const bareError = (message: string, code: number, type?: string) => ({
  object: 'error',
  message,
  type,
  param: null,
  code,
})

const RESULTS: readonly DocumentedAnswer[] = [
  {
    what: 'a completion',
    status: 200,
    body: completion({ content: 'Hello there!', annotations: [] }),
    means: 'result',
    gives: { result: { text: 'Hello there!', finish_reason: 'stop' }, usage: COUNTED },
  },
  {
    what: 'reasoning and no text, since it used up the tokens',
    status: 200,
    body: completion({ content: null, reasoning_content: 'Let me think' }, { finish_reason: 'length' }),
    means: 'result',
    gives: { result: { text: '', reasoning_content: 'Let me think', finish_reason: 'length' }, usage: COUNTED },
  },
  {
    what: 'reasoning in the field of vLLM and OpenRouter (`reasoning`)',
    status: 200,
    body: completion({ content: 'Yes', reasoning_content: null, reasoning: 'Hm', tool_calls: [] }),
    means: 'result',
    gives: { result: { text: 'Yes', reasoning_content: 'Hm', finish_reason: 'stop' }, usage: COUNTED },
  },
  {
    what: 'a content with several parts',
    status: 200,
    body: completion({
      content: [
        { type: 'text', text: 'Hello ' },
        { type: 'text', text: 'there' },
      ],
    }),
    means: 'result',
    gives: { result: { text: 'Hello there', finish_reason: 'stop' }, usage: COUNTED },
  },
  {
    what: 'tool calls',
    status: 200,
    body: completion(
      { content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }] },
      { finish_reason: 'tool_calls' },
    ),
    means: 'result',
    gives: {
      result: {
        text: '',
        tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'f', arguments: '{}' } }],
        finish_reason: 'tool_calls',
      },
      usage: COUNTED,
    },
  },
  {
    what: 'a result with `"error": null`',
    status: 200,
    body: { ...completion({ content: 'Hi' }), error: null },
    means: 'result',
    gives: { result: { text: 'Hi', finish_reason: 'stop' }, usage: COUNTED },
  },
  {
    what: 'a result with a `message` and a `code` besides the choices',
    status: 200,
    body: { ...completion({ content: 'Hi' }), message: 'Deprecated', code: 410 },
    means: 'result',
    gives: { result: { text: 'Hi', finish_reason: 'stop' }, usage: COUNTED },
  },
]

const SUCCESSES_WITHOUT_ANSWER: readonly DocumentedAnswer[] = [
  { what: 'no choices', status: 200, body: { ...completion({}), choices: [] }, means: 'retry' },
  { what: '`"choices": null`', status: 200, body: { ...completion({}), choices: null }, means: 'retry' },
  {
    what: 'an error of an upstream provider (OpenRouter)',
    status: 200,
    body: { error: { message: 'Provider returned error', code: 502, metadata: { provider_name: 'Together' } } },
    means: 'retry',
  },
  {
    what: 'an error inside a choice (OpenRouter)',
    status: 200,
    body: completion({ content: '' }, { finish_reason: 'error', error: { code: 502, message: 'Upstream error' } }),
    means: 'retry',
  },
  {
    what: 'a failed response with `server_error`',
    status: 200,
    body: { id: 'resp_1', status: 'failed', error: { code: 'server_error', message: 'The model failed' } },
    means: 'retry',
  },
  {
    what: 'a refusal of an upstream provider (OpenRouter)',
    status: 200,
    body: { error: { message: 'Input is too long', code: 400 } },
    means: 'drop',
  },
  {
    what: 'an error without the field `error` (vLLM)',
    status: 200,
    body: bareError('The model `m` does not exist.', 404, 'NotFoundError'),
    means: 'drop',
  },
  {
    what: 'an error of the engine without the field `error` (vLLM)',
    status: 200,
    body: bareError('EngineCore encountered an issue.', 500, 'InternalServerError'),
    means: 'retry',
  },
  {
    what: 'a prompt over the context of the model (FastChat)',
    status: 200,
    body: bareError("This model's maximum context length is 2048 tokens.", 40303),
    means: 'drop',
  },
  { what: 'a rate limit (FastChat)', status: 200, body: bareError('Too many requests', 42901), means: 'retry' },
  { what: 'no memory left (FastChat)', status: 200, body: bareError('CUDA out of memory', 50002), means: 'retry' },
  {
    what: 'an overloaded model, as only a message and a code',
    status: 200,
    body: { message: 'Model is overloaded', code: 503 },
    means: 'retry',
  },
  {
    what: 'a refusal, as only a message and a code',
    status: 200,
    body: { message: 'Input is too long', code: 422 },
    means: 'drop',
  },
  {
    what: 'an account without credit, without the field `error`',
    status: 200,
    body: bareError('You exceeded your current quota', 429, 'insufficient_quota'),
    means: 'halt',
  },
  {
    what: 'a path that LM Studio does not know',
    status: 200,
    body: { error: 'Unexpected endpoint or method. (POST /chat/completions)' },
    means: 'drop',
  },
]

const REFUSED: readonly DocumentedAnswer[] = [
  {
    what: 'a bad parameter',
    status: 400,
    body: error("Unsupported parameter: 'max_tokens'", 'invalid_request_error', 'unsupported_parameter', 'max_tokens'),
    means: 'drop',
  },
  {
    what: 'a prompt over the context of the model',
    status: 400,
    body: error(
      "This model's maximum context length is 8192 tokens.",
      'invalid_request_error',
      'context_length_exceeded',
      'messages',
    ),
    means: 'drop',
  },
  {
    what: 'a prompt over the context of the model (llama.cpp)',
    status: 400,
    body: {
      error: {
        code: 400,
        message: 'the request exceeds the available context size',
        type: 'exceed_context_size_error',
        n_prompt_tokens: 4476,
        n_ctx: 4096,
      },
    },
    means: 'drop',
  },
  {
    what: 'a prompt over the context of the model (an older llama.cpp)',
    status: 500,
    body: { error: { code: 500, message: 'Context size has been exceeded.', type: 'server_error' } },
    means: 'drop',
  },
  {
    what: 'moderation (OpenRouter)',
    status: 403,
    body: { error: { code: 403, message: 'Flagged', metadata: { reasons: ['violence'], flagged_input: '…' } } },
    means: 'drop',
  },
  {
    what: 'a model that the endpoint does not have',
    status: 404,
    body: error('The model `gpt-9` does not exist', 'invalid_request_error', 'model_not_found'),
    means: 'drop',
  },
]

const BUSY: readonly DocumentedAnswer[] = [
  {
    what: 'a rate limit',
    status: 429,
    headers: { 'retry-after': '2' },
    body: error('Rate limit reached for gpt-5-mini', 'tokens', 'rate_limit_exceeded'),
    means: 'retry',
  },
  {
    what: 'a limit of simultaneous requests whose text says "insufficient quota" (Scaleway)',
    status: 429,
    body: {
      status: 429,
      error: 'INSUFFICIENT QUOTA',
      message: 'You exceeded your current limit of concurrent requests.',
    },
    means: 'retry',
  },
  {
    what: 'no capacity for the flex tier (Groq)',
    status: 498,
    body: error('No capacity', 'capacity_exceeded'),
    means: 'retry',
  },
  {
    what: 'too many requests in flight for the budget (OpenRouter)',
    status: 402,
    headers: { 'retry-after': '3' },
    body: { error: { code: 402, message: 'Wait', metadata: { limit_source: 'openrouter_in_flight_budget' } } },
    means: 'retry',
  },
  { what: 'a server error', status: 500, body: error('The server had an error', 'server_error'), means: 'retry' },
  { what: 'an overloaded server', status: 503, body: error('Slow down', 'server_error', 'slow_down'), means: 'retry' },
]

const TO_BE_MENDED: readonly DocumentedAnswer[] = [
  {
    what: 'an account without credit',
    status: 429,
    body: error('You exceeded your current quota', 'insufficient_quota', 'insufficient_quota'),
    means: 'halt',
  },
  {
    what: 'a spend limit',
    status: 429,
    body: error('Project spend limit', 'insufficient_quota', 'project_spend_limit_exceeded'),
    means: 'halt',
  },
  {
    what: 'a wrong key',
    status: 401,
    body: error('Incorrect API key provided', 'invalid_request_error', 'invalid_api_key'),
    means: 'halt',
  },
  {
    what: 'no credit left (OpenRouter)',
    status: 402,
    body: { error: { code: 402, message: 'Insufficient credits', metadata: { limit_source: 'openrouter_credits' } } },
    means: 'halt',
  },
  {
    what: 'a limit of the output that is higher than the credit (OpenRouter)',
    status: 402,
    body: {
      error: {
        code: 402,
        message:
          'This request requires more credits, or fewer max_tokens. You requested up to 225702 tokens, but can only afford 92985.',
        metadata: { provider_name: null },
      },
    },
    means: 'drop',
  },
  {
    what: 'a model that is loading (llama.cpp)',
    status: 503,
    body: { error: { message: 'Loading model', type: 'unavailable_error', code: 503 } },
    means: 'retry',
  },
]

/** From https://platform.openai.com/docs/guides/error-codes, and from the named servers. */
export const OPENAI_ANSWERS = [...RESULTS, ...SUCCESSES_WITHOUT_ANSWER, ...REFUSED, ...BUSY, ...TO_BE_MENDED]
