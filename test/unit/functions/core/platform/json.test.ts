import { expect, test } from 'vitest'
import { parseStored } from '../../../../../functions/core/platform/json.ts'

test('parseStored parses JSON', () => {
  expect(parseStored('{"prompt":[1,"two",null]}')).toEqual({ prompt: [1, 'two', null] })
})

test('parseStored fails for a text that is not JSON, with an error that does not quote the text', () => {
  expect(() => parseStored('secret')).toThrow(/^a stored text of 6 characters is not JSON$/)
})
