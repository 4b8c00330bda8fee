/** Parts that the descriptions of all calls share. */

type Schema = Readonly<Record<string, unknown>>

export const object = (properties: Schema, required: readonly string[] = Object.keys(properties)): Schema => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
})

export const TEXT = { type: 'string' } as const
export const INTEGER = { type: 'integer', minimum: 0 } as const
const counted = object({ used: INTEGER, limit: INTEGER })

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })

export const answer = (description: string, schema: string, more: Schema = {}) => ({
  description,
  content: { 'application/json': { schema: ref(schema) }, ...more },
})
/**
 * The content type of a stream. It has no schema, because OpenAPI 3.1 can't describe a stream of different events.
 * Tools that read the document would compare one schema with each event.
 */
export const stream = { 'text/event-stream': {} } as const

const STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled', 'expired']

/**
 * The schemas of answers. The schemas of the bodies of calls are not here: they are made from the zod schemas with
 * which the functions parse the bodies.
 */
export const SCHEMAS = {
  Key: object({ message: { enum: ['Unauthorized', 'Forbidden'] } }),
  /** API Gateway's own answer to a call that it throttles. */
  Throttled: object({ message: TEXT }),
  Error: object(
    {
      error: TEXT,
      status: { const: 'error' },
      code: TEXT,
      details: { type: 'array', items: object({ path: TEXT, message: TEXT }) },
      limit: { enum: ['requests', 'tokens', 'in_flight', 'rate'] },
      requests: counted,
      tokens: object({ used: INTEGER, limit: INTEGER, estimated: INTEGER }, ['used', 'limit']),
      in_flight: counted,
    },
    ['error', 'status', 'code'],
  ),
  OpenAiError: object({
    error: object({
      message: TEXT,
      type: TEXT,
      param: { type: ['string', 'null'] },
      code: { type: ['string', 'null'] },
    }),
  }),
  Accepted: object({
    request_id: { type: 'string', format: 'uuid' },
    status: { const: 'queued' },
    estimated_tokens: INTEGER,
    model: TEXT,
    priority: { enum: ['high', 'normal'] },
    created_at: { type: 'string', format: 'date-time' },
  }),
  Request: object(
    {
      request_id: { type: 'string', format: 'uuid' },
      status: { enum: STATUSES },
      model: TEXT,
      priority: { enum: ['high', 'normal'] },
      estimated_tokens: INTEGER,
      created_at: { type: 'string', format: 'date-time' },
      started_at: { type: 'string', format: 'date-time' },
      completed_at: { type: 'string', format: 'date-time' },
      attempts: INTEGER,
      metadata: { type: 'object' },
      result: {},
      usage: object({ prompt_tokens: INTEGER, completion_tokens: INTEGER, total_tokens: INTEGER }, ['total_tokens']),
      charged: object({ requests: INTEGER, tokens: INTEGER, cost: { type: 'number', minimum: 0 } }, [
        'requests',
        'tokens',
      ]),
      error: object({ code: TEXT, message: TEXT, status: INTEGER, detail: TEXT }, ['code', 'message']),
    },
    ['request_id', 'status', 'model', 'priority', 'estimated_tokens', 'created_at', 'attempts'],
  ),
  /**
   * The answer to the cancellation of a request that has ended: the fields of the request, in which `error` is replaced
   * by a sentence.
   */
  AlreadyEnded: object({ error: TEXT, code: { const: 'already_ended' }, request_id: TEXT, status: { enum: STATUSES } }),
  RequestList: object({ requests: { type: 'array', items: ref('Request') }, next_cursor: TEXT }, ['requests']),
  Quota: object({
    window: TEXT,
    resets_at: { type: 'string', format: 'date-time' },
    plan: TEXT,
    requests: counted,
    tokens: object({ used: INTEGER, reserved: INTEGER, limit: INTEGER }),
    in_flight: counted,
  }),
  Health: object({ status: { const: 'ok' } }),
  Model: object({ id: TEXT, object: { const: 'model' }, created: INTEGER, owned_by: TEXT }),
  ModelList: object({ object: { const: 'list' }, data: { type: 'array', items: ref('Model') } }),
  ChatCompletion: object(
    { id: TEXT, object: { const: 'chat.completion' }, created: INTEGER, model: TEXT, choices: { type: 'array' } },
    ['id', 'object', 'created', 'model', 'choices'],
  ),
  Completion: object(
    { id: TEXT, object: { const: 'text_completion' }, created: INTEGER, model: TEXT, choices: { type: 'array' } },
    ['id', 'object', 'created', 'model', 'choices'],
  ),
  LaterAnswer: { anyOf: [ref('ChatCompletion'), ref('Completion'), ref('EmbeddingList')] },
  EmbeddingList: object({ object: { const: 'list' }, data: { type: 'array' }, model: TEXT, usage: { type: 'object' } }),
  Response: object({
    id: TEXT,
    object: { const: 'response' },
    created_at: INTEGER,
    status: { enum: ['queued', 'in_progress', 'completed', 'failed', 'cancelled', 'incomplete'] },
    model: TEXT,
    output: { type: 'array' },
    error: { type: ['object', 'null'] },
    incomplete_details: { type: ['object', 'null'] },
    usage: { type: ['object', 'null'] },
    metadata: { type: 'object' },
    background: { type: ['boolean', 'null'] },
  }),
  DeletedResponse: object({ id: TEXT, object: { const: 'response' }, deleted: { const: true } }),
} as const
