import pg from 'pg'
import type { SqlValue } from './database.ts'
import { DataApiError } from './errors.ts'
import type { ExecuteStatement } from './request.ts'
import type { PgType } from './types.ts'

type ArrayElements =
  | { booleanValues: (boolean | null)[] }
  | { longValues: (number | null)[] }
  | { doubleValues: (number | null)[] }
  | { stringValues: (string | null)[] }

/** The SDK's `Field` in its wire format, where a blob is base64. */
export type WireField =
  | { isNull: true }
  | { booleanValue: boolean }
  | { longValue: number }
  | { doubleValue: number }
  | { stringValue: string }
  | { blobValue: string }
  | { arrayValue: ArrayElements }

export type FieldOptions = ExecuteStatement['resultSetOptions']

/** Converts a value from Postgres's text form to a field of the Data API. */
export function fieldOf(text: SqlValue, type: PgType, options: FieldOptions): WireField {
  if (text === null) return { isNull: true }
  if (type.element) return { arrayValue: arrayOf(text, type.element) }
  switch (type.name) {
    case 'bool':
      return { booleanValue: text === 't' }
    case 'int2':
    case 'int4':
    case 'int8':
    case 'oid':
      return options.longReturnType === 'STRING' ? { stringValue: text } : { longValue: Number(text) }
    case 'float4':
    case 'float8':
      return { doubleValue: Number(text) }
    case 'numeric':
      return decimal(text, options)
    case 'bytea':
      return { blobValue: Buffer.from(text.slice('\\x'.length), 'hex').toString('base64') }
    case 'timestamptz':
    case 'timetz':
      return { stringValue: text.replace(/\+00$/, '') } // the Data API returns UTC without an offset
    default:
      return { stringValue: text }
  }
}

/** Converts a field to plain JSON, for `formattedRecords`. */
export function plainOf(field: WireField): unknown {
  if ('isNull' in field) return null
  if ('arrayValue' in field) return Object.values(field.arrayValue)[0]
  return Object.values(field)[0]
}

function decimal(text: string, { decimalReturnType }: FieldOptions): WireField {
  if (decimalReturnType === 'STRING') return { stringValue: text }
  return text.includes('.') ? { doubleValue: Number(text) } : { longValue: Number(text) }
}

// The TypeScript types of pg allow only a few type ids, so the function gets a wider type here. 1009 is the id of text[]. The parser of text[] also
// works for arrays with elements of any other type.
const getTypeParser: (typeId: number) => (text: string) => (string | null | unknown[])[] = pg.types.getTypeParser
const parseTextArray = getTypeParser(1009)

function arrayOf(text: string, element: PgType): ArrayElements {
  const values = parseTextArray(text).map(value => {
    if (Array.isArray(value)) throw new DataApiError('UnsupportedResultException', 'The result has an array of arrays.')
    return value
  })
  const map = <To>(convert: (value: string) => To) =>
    values.map(value => (value === null ? null : convert(value as string)))
  switch (element.name) {
    case 'bool':
      return { booleanValues: map(value => value === 't') }
    case 'int2':
    case 'int4':
    case 'int8':
      return { longValues: map(Number) }
    case 'float4':
    case 'float8':
      return { doubleValues: map(Number) }
    default:
      return { stringValues: map(String) }
  }
}
