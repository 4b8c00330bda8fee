import { expect, test } from 'vitest'
import { parseStored } from '../../../../../functions/core/platform/json.ts'

test('JSON is parsed', () => {
  expect(parseStored('{"prompt":[1,"two",null]}')).toEqual({ prompt: [1, 'two', null] })
})

test('what is no JSON is not quoted', () => {
  expect(() => parseStored('secret')).toThrow(/^a stored text of 6 characters is not JSON$/)
})
