import * as z from 'zod'
import { badRequest } from './errors.ts'

const Field = z.union([
  z.strictObject({ isNull: z.literal(true) }),
  z.strictObject({ booleanValue: z.boolean() }),
  z.strictObject({ longValue: z.number().int() }),
  z.strictObject({ doubleValue: z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])]) }),
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ blobValue: z.base64() }),
])

export const Parameter = z.object({
  name: z.string(),
  value: Field,
  typeHint: z.enum(['JSON', 'UUID', 'TIMESTAMP', 'DATE', 'TIME', 'DECIMAL']).optional(),
})
export type Parameter = z.infer<typeof Parameter>

const Target = z.object({
  resourceArn: z.string().min(1),
  secretArn: z.string().min(1),
  database: z.string().optional(),
})

export const ExecuteStatement = Target.extend({
  sql: z.string().min(1),
  transactionId: z.string().optional(),
  parameters: z.array(Parameter).default([]),
  includeResultMetadata: z.boolean().default(false),
  formatRecordsAs: z.enum(['NONE', 'JSON']).default('NONE'),
  resultSetOptions: z
    .object({
      decimalReturnType: z.enum(['STRING', 'DOUBLE_OR_LONG']).default('STRING'),
      longReturnType: z.enum(['LONG', 'STRING']).default('LONG'),
    })
    .prefault({}),
})
export type ExecuteStatement = z.infer<typeof ExecuteStatement>

export const BeginTransaction = Target
export const EndTransaction = z.object({ transactionId: z.string() })

/** Parses the body of a request. If the body is wrong, throws a BadRequestException that names the mistakes. */
export function parseRequest<Shape>(schema: z.ZodType<Shape>, body: unknown): Shape {
  const result = schema.safeParse(body)
  if (result.success) return result.data
  throw badRequest(result.error.issues.map(issue => `${issue.path.join('.')}: ${issue.message}`).join('; '))
}
