import { expect, it } from 'vitest'
import { minus, plus } from '../../../lib/local/dynamodb/numbers.ts'

it.each([
  ['1', '2', '3'],
  ['-5', '2', '-3'],
  ['0.1', '0.2', '0.3'],
  ['-0.5', '0.25', '-0.25'],
  ['0.5', '0.5', '1'],
  ['99999999999999999999999999999999999999', '1', '100000000000000000000000000000000000000'],
  ['12345678901234567890.000000000000000001', '-0.000000000000000001', '12345678901234567890'],
])('the sum of the DynamoDB numbers %s and %s is exactly %s', (a, b, sum) => {
  expect(plus(a, b)).toBe(sum)
  expect(minus(sum, b)).toBe(a)
})
