import { describe, expect, it } from 'vitest'
import { idempotencyKey, preferredWait } from '../../../../functions/gateway/headers.ts'

describe('idempotencyKey', () => {
  it.each([undefined, 'a', 'x'.repeat(255)])('accepts %j', key => {
    expect(idempotencyKey({ 'idempotency-key': key })).toBe(key)
  })

  it.each(['', 'x'.repeat(256)])('refuses a key that is empty or too long (%#)', key => {
    expect(() => idempotencyKey({ 'idempotency-key': key })).toThrow('1 to 255 characters')
  })
})

describe('preferredWait', () => {
  it.each([
    ['wait=10', 10],
    ['respond-async, wait=5', 5],
    ['respond-async; foo, WAIT=5', 5],
    ['wait=5; foo', 5],
    ['handling=lenient; wait=5', 0],
    ['wait=25', 25],
    ['wait="2"', 2],
    ['wait="2', 0],
    ['wait=100', 25],
    ['wait=0', 0],
    ['wait=-1', 0],
    ['wait=1.5', 0],
    ['wait=soon', 0],
    ['nowait=5', 0],
    ['', 0],
    [undefined, 0],
  ])('reads %j as %i seconds', (prefer, seconds) => {
    expect(preferredWait({ prefer })).toBe(seconds)
  })
})
