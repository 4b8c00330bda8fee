import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { check } from '../../../../../functions/core/domain/problems.ts'

const problemOf = (schema: z.ZodType, value: unknown) => check(z.looseObject({ field: schema }), { field: value })
const saying = (message: string, path = 'field') => ({ problems: [{ path, message }] })

describe('the problems of an input', () => {
  it.each([
    [z.string(), 5, 'must be a string'],
    [z.boolean(), 'yes', 'must be true or false'],
    [z.enum(['a', 'b']), 'c', 'must be one of a, b'],
    [z.string().min(1), '', 'must not be empty'],
    [z.string().max(2), 'abc', 'must have at most 2 characters'],
    [z.array(z.string()).min(1), [], 'must not be empty'],
    [z.array(z.string()).min(2), [], 'must have at least 2 items'],
    [z.array(z.string()).max(2), ['a', 'b', 'c'], 'must have at most 2 items'],
    [z.number().min(1), 0, 'must be at least 1'],
    [z.number().max(2), 3, 'must be at most 2'],
    [z.int().positive(), 0, 'must be more than 0'],
    [z.number().lt(2), 2, 'must be less than 2'],
  ])('have a sentence of ours if the schema has none (%#)', (schema, value, message) => {
    expect(problemOf(schema, value)).toEqual(saying(message))
  })

  it.each([
    [z.string().min(1, 'must say something'), ''],
    [z.array(z.string()).min(1, 'must say something'), []],
    [z.array(z.string()).max(1, 'must say something'), ['a', 'b']],
    [z.int('must say something'), 0.5],
    [z.enum(['a'], 'must say something'), 'b'],
    [z.union([z.string(), z.number()], 'must say something'), true],
  ])('have the schema’s own sentence if the schema has one (%#)', (schema, value) => {
    expect(problemOf(schema, value)).toEqual(saying('must say something'))
  })

  it.each([
    [z.string(), 'must be a string'],
    [z.enum(['a', 'b']), 'must be one of a, b'],
    [z.union([z.string(), z.number()], 'must be a text or a number'), 'must be a text or a number'],
  ])('say that a field is missing (%#)', (schema, message) => {
    expect(problemOf(schema, undefined)).toEqual(saying(`is missing; it ${message}`))
  })

  it('name an element of a list by its number in brackets, and a field by its name', () => {
    const schema = z.array(z.looseObject({ role: z.record(z.string(), z.string()) }))

    expect(problemOf(schema, [{ role: { a: 'b' } }, { role: { 7: 8 } }])).toEqual(
      saying('must be a string', 'field[1].role.7'),
    )
    expect(check(z.array(z.string()), [1])).toEqual(saying('must be a string', '[0]'))
  })
})
