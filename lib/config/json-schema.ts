import * as z from 'zod'
import { Model } from './model-schema.ts'
import { Pipeline } from './schema.ts'

/** The part of JSON Schema that the pipeline's schema uses. */
export interface JsonSchema {
  type?: string
  title?: string
  description?: string
  default?: unknown
  examples?: unknown[]
  enum?: unknown[]
  pattern?: string
  minimum?: number
  maximum?: number
  required?: string[]
  properties?: Record<string, JsonSchema>
  additionalProperties?: JsonSchema | false
  items?: JsonSchema
  anyOf?: JsonSchema[]
  if?: JsonSchema
  else?: JsonSchema
  [keyword: string]: unknown
}

const VARIABLE: JsonSchema = {
  description: 'A text with a variable, which is replaced from the environment.',
  type: 'string',
  pattern: '\\$\\{[A-Za-z_][A-Za-z0-9_]*(:[^}]*)?\\}',
}

/** Returns the JSON Schema of a pipeline file without variables. */
export function plainJsonSchema(): JsonSchema {
  return z.toJSONSchema(Pipeline, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === Model) requireWithoutProvider(jsonSchema as JsonSchema)
    },
  }) as JsonSchema
}

/** The keys of a model that a provider's profile gives. So they are required only in a model without `provider`. */
const OF_PROVIDER = ['request', 'response']

function requireWithoutProvider(model: JsonSchema): void {
  model.required = model.required?.filter(key => !OF_PROVIDER.includes(key)) ?? []
  model.if = { required: ['provider'] }
  model.else = { required: OF_PROVIDER }
}

/** Returns the JSON Schema (2020-12) of the pipeline file for editors. It allows a variable in place of any value. */
export function pipelineJsonSchema(): JsonSchema {
  return { ...withVariables(plainJsonSchema()), $defs: { variable: VARIABLE } }
}

function withVariables(schema: JsonSchema): JsonSchema {
  const { properties, additionalProperties, items, anyOf } = schema
  const nested = {
    ...schema,
    ...(properties && { properties: mapValues(properties, withVariables) }),
    ...(additionalProperties && { additionalProperties: withVariables(additionalProperties) }),
    ...(items && { items: withVariables(items) }),
    ...(anyOf && { anyOf: anyOf.map(withVariables) }),
  }
  return hasForm(schema) ? besideVariable(nested) : nested
}

// Returns whether the schema must also allow a variable. A text without a pattern accepts a variable already.
function hasForm({ type, enum: words, pattern }: JsonSchema): boolean {
  return type === 'string' ? words !== undefined || pattern !== undefined : type === 'integer' || type === 'boolean'
}

function besideVariable({ type, enum: words, pattern, minimum, maximum, ...annotations }: JsonSchema): JsonSchema {
  const form = { type, enum: words, pattern, minimum, maximum }
  const given = Object.fromEntries(Object.entries(form).filter(([, value]) => value !== undefined))
  return { ...annotations, anyOf: [given, { $ref: '#/$defs/variable' }] }
}

function mapValues<Value>(record: Record<string, Value>, change: (value: Value) => Value): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
