import * as z from 'zod'
import { ChatBody, CompletionBody, EmbeddingBody, ResponseBody } from './bodies.ts'
import { answer, INTEGER, SCHEMAS, stream, TEXT } from './openapi-parts.ts'

type Part = Readonly<Record<string, unknown>>

/** The descriptions of refused calls in the two APIs. */
const REFUSED = {
  own: (statuses: readonly number[]) =>
    refusals(statuses, status => (status === 401 || status === 403 ? 'Key' : 'Error')),
  openai: (statuses: readonly number[]) => refusals(statuses, () => 'OpenAiError'),
}

const SENTENCES: Readonly<Record<number, string>> = {
  400: 'The body, a parameter or a header is wrong.',
  401: 'The call has no valid key.',
  403: 'The key is unknown, expired or revoked, or the plan does not allow the model or the priority.',
  404: 'There is no such model or request of the caller.',
  409: 'The request has ended already.',
  413: 'The body is too large.',
  415: 'The model does not take this type of input.',
  422: 'The Idempotency-Key was used with another body.',
  429: 'A quota, the requests in flight, or the rate is used up.',
  500: 'Sluice has a defect.',
  502: 'The model has failed.',
  503: 'The service is unavailable for the moment, or too many calls wait already.',
  504: 'The request is still running. It can be read by its id.',
}

const refusals = (statuses: readonly number[], schemaOf: (status: number) => string): Part =>
  Object.fromEntries(statuses.map(status => [status, answer(SENTENCES[status] ?? '', schemaOf(status))]))

const parameter = (name: string, place: 'path' | 'query' | 'header', schema: Part, description: string) => ({
  name,
  in: place,
  required: place === 'path',
  schema,
  description,
})

const ID = parameter(
  'request_id',
  'path',
  TEXT,
  'The id of a request, with or without the prefix `resp_` or `chatcmpl-`.',
)
const KEY = parameter(
  'Idempotency-Key',
  'header',
  { type: 'string', minLength: 1, maxLength: 255 },
  'A call with the same key and body gets the same request, which is charged once.',
)
const WAIT = parameter(
  'wait',
  'query',
  { ...INTEGER, maximum: 25 },
  'The most seconds for which the answer waits for the end of the request.',
)

const body = (schema: string) => ({
  required: true,
  content: { 'application/json': { schema: { $ref: `#/components/schemas/${schema}` } } },
})

const call = (operationId: string, summary: string, more: Part) => ({ operationId, summary, ...more })

const POST = [400, 401, 403, 404, 409, 413, 415, 422, 429, 500, 502, 503, 504] as const
const READ = [400, 401, 404, 429, 500, 503] as const

const openAiPost = (operationId: string, summary: string, schemas: { body: string; answer: string }, more = {}) =>
  call(operationId, summary, {
    parameters: [KEY],
    requestBody: body(schemas.body),
    responses: { 200: answer('The answer.', schemas.answer, more), ...REFUSED.openai(POST) },
  })

const openAiRead = (operationId: string, summary: string, schema: string, parameters: readonly Part[], more = {}) =>
  call(operationId, summary, {
    parameters,
    responses: { 200: answer('The answer.', schema), ...REFUSED.openai(READ), ...more },
  })

const INFERENCE = {
  post: call('postInference', 'Posts a prompt. The answer is 202, or the ended request if the client waits for it.', {
    parameters: [
      KEY,
      parameter(
        'Prefer',
        'header',
        TEXT,
        '`wait=N`: the answer waits up to N seconds for the end of the request, at most 25.',
      ),
    ],
    requestBody: body('InferenceBody'),
    responses: {
      200: answer('The request has ended in time.', 'Request'),
      202: answer('The request is admitted.', 'Accepted'),
      ...REFUSED.own([400, 401, 413, 422, 429, 500, 503]),
      403: { ...answer(SENTENCES[403] ?? '', 'Key'), content: { 'application/json': { schema: keyOrError() } } },
    },
  }),
  get: call('listInference', "Lists the caller's requests, newest first.", {
    parameters: [
      parameter('status', 'query', TEXT, 'Only requests with this status.'),
      parameter('limit', 'query', { type: 'integer', minimum: 1, maximum: 100 }, 'The most requests of a page.'),
      parameter('cursor', 'query', TEXT, 'The `next_cursor` of the previous page.'),
    ],
    responses: { 200: answer('A page.', 'RequestList'), ...REFUSED.own([400, 401, 403, 429, 500, 503]) },
  }),
}

function keyOrError(): Part {
  return { anyOf: [{ $ref: '#/components/schemas/Key' }, { $ref: '#/components/schemas/Error' }] }
}

const PATHS = {
  '/v1/inference': INFERENCE,
  '/v1/inference/{request_id}': {
    get: call('getInference', 'Reads a request.', {
      parameters: [ID, WAIT],
      responses: { 200: answer('The request.', 'Request'), ...REFUSED.own([400, 401, 403, 404, 429, 500, 503]) },
    }),
    delete: call('cancelInference', 'Cancels a request.', {
      parameters: [ID],
      responses: {
        200: answer('The request.', 'Request'),
        ...REFUSED.own([400, 401, 403, 404, 429, 500, 503]),
        409: answer(SENTENCES[409] ?? '', 'AlreadyEnded'),
      },
    }),
  },
  '/v1/quota': {
    get: call(
      'getQuota',
      'Reads the limits of the caller, and the amounts that are used and reserved in the current window.',
      {
        responses: { 200: answer('The quota.', 'Quota'), ...REFUSED.own([401, 403, 429, 500, 503]) },
      },
    ),
  },
  '/healthz': {
    get: call('getHealth', 'Says that the API answers.', {
      security: [],
      responses: {
        200: answer('The API answers.', 'Health'),
        429: answer('API Gateway got too many calls that need no key.', 'Throttled'),
        ...REFUSED.own([500]),
      },
    }),
  },
  '/v1/models': { get: openAiRead('listModels', "Lists the models of the caller's plan.", 'ModelList', []) },
  '/v1/models/{model}': {
    get: openAiRead('getModel', 'Reads a model.', 'Model', [
      parameter('model', 'path', TEXT, 'The name of the model.'),
    ]),
  },
  '/v1/chat/completions': {
    post: openAiPost('createChatCompletion', 'Answers a chat.', { body: 'ChatBody', answer: 'ChatCompletion' }, stream),
  },
  '/v1/chat/completions/{request_id}': {
    get: openAiRead(
      'getChatCompletion',
      'Reads the answer to a chat, to a completion or to embeddings.',
      'LaterAnswer',
      [ID],
      REFUSED.openai([409, 413, 415, 422, 502, 504]),
    ),
  },
  '/v1/completions': {
    post: openAiPost('createCompletion', 'Completes a text.', { body: 'CompletionBody', answer: 'Completion' }, stream),
  },
  '/v1/embeddings': {
    post: openAiPost('createEmbeddings', 'Makes embeddings.', { body: 'EmbeddingBody', answer: 'EmbeddingList' }),
  },
  '/v1/responses': {
    post: openAiPost(
      'createResponse',
      'Makes a response, at once or in the background.',
      { body: 'ResponseBody', answer: 'Response' },
      stream,
    ),
  },
  '/v1/responses/{request_id}': {
    get: openAiRead('getResponse', 'Reads a response.', 'Response', [ID]),
    delete: openAiRead(
      'deleteResponse',
      'Cancels a response, and erases its prompt and its result.',
      'DeletedResponse',
      [ID],
    ),
  },
  '/v1/responses/{request_id}/cancel': {
    post: openAiRead('cancelResponse', 'Cancels a response.', 'Response', [ID], REFUSED.openai([409])),
  },
}

/**
 * Builds the description of the API for tools (OpenAPI 3.1). `inferenceBody` is the schema of a post to
 * `/v1/inference`.
 */
export function openApiDocument(inferenceBody: z.ZodType): Part {
  const bodies = { InferenceBody: inferenceBody, ChatBody, CompletionBody, EmbeddingBody, ResponseBody }
  const schemas = Object.entries(bodies).map(([name, schema]) => [name, jsonSchema(schema)])
  return {
    openapi: '3.1.0',
    info: {
      title: 'Sluice',
      version: '1',
      summary: 'An asynchronous inference gateway.',
      description: 'The API of Sluice itself, and the OpenAI API in front of the same admission. See docs/openai.md.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }, { key: [] }],
    paths: PATHS,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        key: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
      },
      schemas: { ...Object.fromEntries(schemas), ...SCHEMAS },
    },
  }
}

function jsonSchema(schema: z.ZodType): Part {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
  return rest
}
