import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { Payload } from '../../../../../functions/core/domain/messages.ts'
import { reading } from '../../../../../functions/core/domain/reading.ts'

const Inner = z.strictObject({ a: z.int() })
const Schema = z.strictObject({
  nested: Inner,
  maybe: Inner.optional(),
  list: z.array(Inner),
  either: z.union([z.strictObject({ left: z.int() }), z.strictObject({ right: z.int() })]),
  late: z.int().default(7),
})
const known = { nested: { a: 1 }, maybe: { a: 2 }, list: [{ a: 3 }], either: { right: 4 }, late: 5 }

describe('reading, which makes a tolerant reader of a strict schema', () => {
  it.each([
    { where: 'at the top', value: { ...known, more: 1 } },
    { where: 'in an object', value: { ...known, nested: { a: 1, more: { deep: [1] } } } },
    { where: 'in an optional object', value: { ...known, maybe: { a: 2, more: 1 } } },
    { where: 'in a list', value: { ...known, list: [{ a: 3, more: 1 }] } },
    { where: 'in an option of a union', value: { ...known, either: { right: 4, more: 1 } } },
  ])('accepts and keeps a field $where that the schema does not have', ({ value }) => {
    expect(reading(Schema).parse(value)).toEqual(value)
    expect(Schema.safeParse(value).success).toBe(false)
  })

  it.each([
    { what: 'a field that is missing', value: { ...known, nested: {} } },
    { what: 'a value of another type', value: { ...known, list: [{ a: 'x' }] } },
    { what: 'no option of a union', value: { ...known, either: { more: 1 } } },
  ])('refuses $what, as the schema does', ({ value }) => {
    expect(reading(Schema).safeParse(value).success).toBe(false)
  })

  it('fills in the defaults of the schema', () => {
    const { late: _, ...rest } = known
    expect(reading(Schema).parse(rest)).toEqual({ ...rest, late: 7 })
  })

  it('distinguishes a body in the message from a body in S3, whatever unknown fields a newer version has added', () => {
    const bodies = [
      { inline: null, more: 1 },
      { key: 'k', more: 1 },
    ]
    expect(bodies.map(body => reading(Payload).parse(body))).toEqual(bodies)
    expect(reading(Payload).safeParse({ more: 1 }).success).toBe(false)
  })

  it('refuses to make a reader of a schema with checks that the reader would lose', () => {
    expect(() => reading(Schema.refine(() => true))).toThrow('checks single values')
    expect(() => reading(z.array(Inner).max(3))).toThrow('checks single values')
  })
})
