import type { SqlValue } from './database.ts'
import { badRequest } from './errors.ts'
import { rewriteNamedParameters } from './named-parameters.ts'
import type { Parameter } from './request.ts'

/**
 * Converts a statement with named parameters to the form of Postgres. Each value gets the type that it has in the Data API. For example, a
 * string without a `typeHint` is text. So an assignment of this string to a uuid, timestamp or json column fails, as on AWS.
 */
export function bind(sql: string, parameters: readonly Parameter[]): { sql: string; values: SqlValue[] } {
  const byName = new Map(parameters.map(parameter => [parameter.name, parameter]))
  const find = (name: string) => {
    const parameter = byName.get(name)
    if (!parameter) throw badRequest(`Cannot find parameter: ${name}`)
    return parameter
  }
  const rewritten = rewriteNamedParameters(sql, (name, number) => `$${number}${castOf(find(name))}`)
  return { sql: rewritten.sql, values: rewritten.names.map(name => textOf(find(name))) }
}

const CAST_OF_HINT = {
  JSON: '::json',
  UUID: '::uuid',
  TIMESTAMP: '::timestamp',
  DATE: '::date',
  TIME: '::time',
  DECIMAL: '::numeric',
}

function castOf({ value, typeHint }: Parameter): string {
  if (typeHint) return CAST_OF_HINT[typeHint]
  if ('stringValue' in value) return '::text'
  if ('longValue' in value) return '::bigint'
  if ('doubleValue' in value) return '::float8'
  if ('booleanValue' in value) return '::boolean'
  if ('blobValue' in value) return '::bytea'
  return ''
}

const FORMAT_OF_HINT: Partial<Record<keyof typeof CAST_OF_HINT, RegExp>> = {
  TIMESTAMP: /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?$/,
  DATE: /^\d{4}-\d\d-\d\d$/,
  TIME: /^\d\d:\d\d:\d\d(\.\d{1,6})?$/,
  UUID: /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
}

function textOf({ name, value, typeHint }: Parameter): SqlValue {
  if ('isNull' in value) return null
  if ('stringValue' in value) {
    const format = typeHint && FORMAT_OF_HINT[typeHint]
    if (format && !format.test(value.stringValue))
      throw badRequest(`Parameter "${name}" is not a ${typeHint}, as its typeHint says.`)
    return value.stringValue
  }
  if (typeHint) throw badRequest(`Parameter "${name}" has a typeHint, but only a stringValue may have one.`)
  if ('blobValue' in value) return `\\x${Buffer.from(value.blobValue, 'base64').toString('hex')}`
  return String(Object.values(value)[0])
}
