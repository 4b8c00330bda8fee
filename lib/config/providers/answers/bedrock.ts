import type { DocumentedAnswer } from './answer.ts'
import { named } from './aws.ts'

const converse = (content: readonly object[], stopReason: string) => ({
  output: { message: { role: 'assistant', content } },
  stopReason,
  usage: { inputTokens: 8, outputTokens: 16, totalTokens: 24 },
  metrics: { latencyMs: 551 },
})
const USAGE = { prompt_tokens: 8, completion_tokens: 16, total_tokens: 24 }

const refusal = (status: number, name: string, what: string, means: DocumentedAnswer['means'], more: object = {}) => ({
  what: `${name}: ${what}`,
  status,
  headers: named(name),
  body: { message: what, ...more },
  means,
})

/** From https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html. */
export const BEDROCK_ANSWERS: readonly DocumentedAnswer[] = [
  {
    what: 'a message',
    status: 200,
    body: converse([{ text: 'Hello!' }], 'end_turn'),
    means: 'result',
    gives: { result: { text: 'Hello!', finish_reason: 'end_turn' }, usage: USAGE },
  },
  {
    what: 'reasoning, text and a tool',
    status: 200,
    body: converse(
      [
        { reasoningContent: { reasoningText: { text: 'Hm', signature: 's' } } },
        { text: 'Let me ' },
        { text: 'look' },
        { toolUse: { toolUseId: 'tooluse_1', name: 'f', input: {} } },
      ],
      'tool_use',
    ),
    means: 'result',
    gives: {
      result: {
        text: 'Let me look',
        reasoning_content: 'Hm',
        tool_calls: [{ toolUseId: 'tooluse_1', name: 'f', input: {} }],
        finish_reason: 'tool_use',
      },
      usage: USAGE,
    },
  },
  {
    what: 'only reasoning, since it used up the tokens',
    status: 200,
    body: converse([{ reasoningContent: { reasoningText: { text: 'Hm' } } }], 'max_tokens'),
    means: 'result',
    gives: { result: { text: '', reasoning_content: 'Hm', finish_reason: 'max_tokens' }, usage: USAGE },
  },
  refusal(400, 'ValidationException', 'Input is too long for requested model.', 'drop'),
  refusal(403, 'AccessDeniedException', "You don't have access to the model with the specified model ID.", 'drop'),
  refusal(404, 'ResourceNotFoundException', 'The specified resource ARN was not found.', 'drop'),
  refusal(400, 'ServiceQuotaExceededException', 'Your request exceeds the service quota.', 'retry'),
  refusal(408, 'ModelTimeoutException', 'The request took too long to process.', 'retry'),
  refusal(424, 'ModelErrorException', 'The request failed due to an error while processing the model.', 'retry', {
    originalStatusCode: 500,
    resourceName: 'm',
  }),
  refusal(429, 'ThrottlingException', 'Too many requests, please wait before trying again.', 'retry'),
  refusal(500, 'InternalServerException', 'An internal server error occurred.', 'retry'),
  refusal(503, 'ServiceUnavailableException', "The service isn't currently available.", 'retry'),
  refusal(429, 'ModelNotReadyException', 'The model is not ready to serve inference requests.', 'retry'),
  refusal(403, 'ExpiredTokenException', 'The security token included in the request is expired', 'halt'),
  refusal(403, 'UnrecognizedClientException', 'The security token included in the request is invalid.', 'halt'),
]
