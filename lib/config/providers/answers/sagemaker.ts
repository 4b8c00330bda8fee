import type { DocumentedAnswer } from './answer.ts'
import { named } from './aws.ts'

const failed = (originalStatus: number, message: string) => ({
  ErrorCode: originalStatus < 500 ? 'CLIENT_ERROR_FROM_MODEL' : 'INTERNAL_FAILURE_FROM_MODEL',
  LogStreamArn: 'arn:aws:logs:us-east-1:111122223333:log-group:/aws/sagemaker/Endpoints/my-endpoint',
  Message: `Received ${originalStatus < 500 ? 'client' : 'server'} error (${originalStatus}) from primary`,
  OriginalMessage: message,
  OriginalStatusCode: originalStatus,
})

const refusal = (status: number, name: string, what: string, body: unknown, means: DocumentedAnswer['means']) => ({
  what: `${name}: ${what}`,
  status,
  headers: named(name),
  body,
  means,
})

/** From https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpoint.html. */
export const SAGEMAKER_ANSWERS: readonly DocumentedAnswer[] = [
  {
    what: 'chat messages of a container with vLLM',
    status: 200,
    body: {
      id: 'chatcmpl-1',
      object: 'chat.completion',
      choices: [
        { index: 0, message: { role: 'assistant', content: 'Hello!', tool_calls: [] }, finish_reason: 'length' },
      ],
      usage: { prompt_tokens: 9, completion_tokens: 16, total_tokens: 25 },
    },
    means: 'result',
    gives: {
      result: { text: 'Hello!', finish_reason: 'length' },
      usage: { prompt_tokens: 9, completion_tokens: 16, total_tokens: 25 },
    },
  },
  {
    what: 'a generated text',
    status: 200,
    body: [{ generated_text: 'Hello!' }],
    means: 'result',
    gives: { result: { text: 'Hello!' } },
  },
  refusal(400, 'ValidationError', 'a wrong request', { Message: 'Variant a not found' }, 'drop'),
  refusal(424, 'ModelError', 'the container refused the request', failed(422, 'unknown field'), 'drop'),
  refusal(424, 'ModelError', 'the container failed', failed(500, 'CUDA out of memory'), 'retry'),
  refusal(400, 'ThrottlingException', 'too many calls at the same time', { message: null }, 'retry'),
  refusal(500, 'InternalFailure', 'SageMaker failed', { Message: 'An internal failure occurred.' }, 'retry'),
  refusal(
    503,
    'ServiceUnavailable',
    'SageMaker is overloaded or unavailable',
    { Message: 'The service is unavailable.' },
    'retry',
  ),
  refusal(
    530,
    'InternalDependencyException',
    'a part of SageMaker failed',
    { Message: 'An internal dependency failed.' },
    'retry',
  ),
  refusal(
    429,
    'ModelNotReadyException',
    'the endpoint starts',
    { Message: 'Resources are being provisioned.' },
    'retry',
  ),
  refusal(
    403,
    'ExpiredTokenException',
    'the credentials have expired',
    { message: 'The security token is expired' },
    'halt',
  ),
]
