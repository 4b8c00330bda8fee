/** Parts that the descriptions of all calls share. */

type Schema = Readonly<Record<string, unknown>>

export const object = (properties: Schema, required: readonly string[] = Object.keys(properties)): Schema => ({
  type: 'object',
  properties,
  ...(required.length > 0 && { required }),
})

export const text = { type: 'string' } as const
export const integer = { type: 'integer', minimum: 0 } as const
const counted = object({ used: integer, limit: integer })

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` })
const content = (schema: Schema, type = 'application/json') => ({ [type]: { schema } })

export const answer = (description: string, schema: string, more: Schema = {}) => ({
  description,
  content: { ...content(ref(schema)), ...more },
})
export const stream = content(text, 'text/event-stream')

const STATUSES = ['queued', 'running', 'completed', 'failed', 'cancelled', 'expired']

/** The schemas of answers. The bodies of calls come from the schemas that the functions parse them with. */
export const SCHEMAS = {
  Key: object({ message: { enum: ['Unauthorized', 'Forbidden'] } }),
  Error: object(
    {
      error: text,
      status: { const: 'error' },
      code: text,
      details: { type: 'array', items: object({ path: text, message: text }) },
      limit: { enum: ['requests', 'tokens', 'in_flight', 'rate'] },
      requests: counted,
      tokens: object({ ...counted, used: integer, limit: integer, estimated: integer }, ['used', 'limit']),
      in_flight: counted,
    },
    ['error', 'status', 'code'],
  ),
  OpenAiError: object({
    error: object({
      message: text,
      type: text,
      param: { type: ['string', 'null'] },
      code: { type: ['string', 'null'] },
    }),
  }),
  Accepted: object({
    request_id: { type: 'string', format: 'uuid' },
    status: { const: 'queued' },
    estimated_tokens: integer,
    model: text,
    priority: { enum: ['high', 'normal'] },
    created_at: { type: 'string', format: 'date-time' },
  }),
  Request: object(
    {
      request_id: { type: 'string', format: 'uuid' },
      status: { enum: STATUSES },
      model: text,
      priority: { enum: ['high', 'normal'] },
      estimated_tokens: integer,
      created_at: { type: 'string', format: 'date-time' },
      started_at: { type: 'string', format: 'date-time' },
      completed_at: { type: 'string', format: 'date-time' },
      attempts: integer,
      metadata: { type: 'object' },
      result: {},
      usage: object({ prompt_tokens: integer, completion_tokens: integer, total_tokens: integer }, ['total_tokens']),
      charged: object({ requests: integer, tokens: integer, cost: { type: 'number', minimum: 0 } }, [
        'requests',
        'tokens',
      ]),
      error: object({ code: text, message: text, status: integer, detail: text }, ['code', 'message']),
    },
    ['request_id', 'status', 'model', 'priority', 'estimated_tokens', 'created_at', 'attempts'],
  ),
  /** The request's own fields stay, and `error` becomes a sentence. */
  AlreadyEnded: object({ error: text, code: { const: 'already_ended' }, request_id: text, status: { enum: STATUSES } }),
  RequestList: object({ requests: { type: 'array', items: ref('Request') }, next_cursor: text }, ['requests']),
  Quota: object({
    window: text,
    resets_at: { type: 'string', format: 'date-time' },
    plan: text,
    requests: counted,
    tokens: object({ used: integer, reserved: integer, limit: integer }),
    in_flight: counted,
  }),
  Health: object({ status: { const: 'ok' } }),
  Model: object({ id: text, object: { const: 'model' }, created: integer, owned_by: text }),
  ModelList: object({ object: { const: 'list' }, data: { type: 'array', items: ref('Model') } }),
  ChatCompletion: object(
    { id: text, object: { const: 'chat.completion' }, created: integer, model: text, choices: { type: 'array' } },
    ['id', 'object', 'created', 'model', 'choices'],
  ),
  Completion: object(
    { id: text, object: { const: 'text_completion' }, created: integer, model: text, choices: { type: 'array' } },
    ['id', 'object', 'created', 'model', 'choices'],
  ),
  EmbeddingList: object({ object: { const: 'list' }, data: { type: 'array' }, model: text, usage: { type: 'object' } }),
  Response: object({
    id: text,
    object: { const: 'response' },
    created_at: integer,
    status: { enum: ['queued', 'in_progress', 'completed', 'failed', 'cancelled', 'incomplete'] },
    model: text,
    output: { type: 'array' },
    error: { type: ['object', 'null'] },
    incomplete_details: { type: ['object', 'null'] },
    usage: { type: ['object', 'null'] },
    metadata: { type: 'object' },
    background: { type: 'boolean' },
  }),
  DeletedResponse: object({ id: text, object: { const: 'response' }, deleted: { const: true } }),
} as const
