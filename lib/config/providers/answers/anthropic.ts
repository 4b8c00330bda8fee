import type { DocumentedAnswer } from './answer.ts'

const message = (content: readonly object[], stopReason: string, usage: object = {}) => ({
  id: 'msg_013Zva2CMHLNnXjNJJKqJ2EF',
  type: 'message',
  role: 'assistant',
  model: 'claude-sonnet-4-5-20250929',
  content,
  stop_reason: stopReason,
  stop_sequence: null,
  usage: {
    input_tokens: 12,
    output_tokens: 6,
    cache_creation_input_tokens: null,
    cache_read_input_tokens: 0,
    ...usage,
  },
})

const error = (type: string, text: string, more: object = {}) => ({
  type: 'error',
  error: { type, message: text, ...more },
  request_id: 'req_011CSHoEeqs5C35K2UUqR7Fy',
})

/** From https://docs.anthropic.com/en/api/errors and https://docs.anthropic.com/en/api/rate-limits. */
export const ANTHROPIC_ANSWERS: readonly DocumentedAnswer[] = [
  {
    what: 'a message',
    status: 200,
    body: message([{ type: 'text', text: 'Hello!' }], 'end_turn'),
    means: 'result',
    gives: {
      result: { text: 'Hello!', finish_reason: 'end_turn' },
      usage: { prompt_tokens: 12, completion_tokens: 6 },
    },
  },
  {
    what: 'thinking, text and a tool, with a cached prompt',
    status: 200,
    body: message(
      [
        { type: 'thinking', thinking: 'Hm', signature: 's' },
        { type: 'text', text: 'Let me ' },
        { type: 'text', text: 'look' },
        { type: 'tool_use', id: 'toolu_1', name: 'f', input: {} },
      ],
      'tool_use',
      { cache_creation_input_tokens: 100, cache_read_input_tokens: 20 },
    ),
    means: 'result',
    gives: {
      result: {
        text: 'Let me look',
        reasoning_content: 'Hm',
        tool_calls: [{ type: 'tool_use', id: 'toolu_1', name: 'f', input: {} }],
        finish_reason: 'tool_use',
      },
      usage: { prompt_tokens: 132, completion_tokens: 6 },
    },
  },
  {
    what: 'a prompt that was completely in the cache',
    status: 200,
    body: message([{ type: 'text', text: 'Hi' }], 'end_turn', { input_tokens: 0, cache_read_input_tokens: 9000 }),
    means: 'result',
    gives: { result: { text: 'Hi', finish_reason: 'end_turn' }, usage: { prompt_tokens: 9000, completion_tokens: 6 } },
  },
  {
    what: 'a refusal to continue',
    status: 200,
    body: message([], 'refusal'),
    means: 'result',
    gives: { result: { text: '', finish_reason: 'refusal' }, usage: { prompt_tokens: 12, completion_tokens: 6 } },
  },
  {
    what: 'a bad request',
    status: 400,
    body: error('invalid_request_error', 'max_tokens: Field required'),
    means: 'drop',
  },
  {
    what: "a bad request whose message quotes a client's text",
    status: 400,
    body: error('invalid_request_error', 'messages.0.role: unexpected value Your credit balance is too low'),
    means: 'drop',
  },
  { what: 'an unknown model or path', status: 404, body: error('not_found_error', 'model: claude-9'), means: 'drop' },
  {
    what: 'a body over 32 MB',
    status: 413,
    body: error('request_too_large', 'Request exceeds the maximum size'),
    means: 'drop',
  },
  {
    what: 'a rate limit',
    status: 429,
    headers: { 'retry-after': '7' },
    body: error('rate_limit_error', 'This request would exceed the rate limit'),
    means: 'retry',
  },
  { what: 'a conflict', status: 409, body: error('conflict_error', 'Conflict'), means: 'retry' },
  { what: 'an internal error', status: 500, body: error('api_error', 'Internal server error'), means: 'retry' },
  { what: 'a timeout', status: 504, body: error('timeout_error', 'Request timed out'), means: 'retry' },
  { what: 'an overloaded API', status: 529, body: error('overloaded_error', 'Overloaded'), means: 'retry' },
  { what: 'a wrong key', status: 401, body: error('authentication_error', 'invalid x-api-key'), means: 'halt' },
  {
    what: 'a problem with the payment',
    status: 402,
    body: error('billing_error', 'Check your payment details'),
    means: 'halt',
  },
  {
    what: 'an empty balance',
    status: 400,
    body: error('invalid_request_error', 'Your credit balance is too low to access the Anthropic API. Please go to …'),
    means: 'halt',
  },
  {
    what: 'a spend limit that you have set',
    status: 400,
    body: error(
      'invalid_request_error',
      'You have reached your specified API usage limits. You will regain access on …',
    ),
    means: 'halt',
  },
  {
    what: "the tier's monthly spend limit",
    status: 429,
    body: error('rate_limit_error', 'Monthly limit', { details: { error_code: 'enforced_spend_limit_reached' } }),
    means: 'halt',
  },
]
