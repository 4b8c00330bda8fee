import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { windowAt } from '../../../../../functions/core/domain/window.ts'

const at = (iso: string) => Date.parse(iso)

describe('windowAt', () => {
  it.each([
    { length: 'day', now: '2026-11-23T00:00:00.000Z', name: '2026-11-23', ends: '2026-11-24T00:00:00.000Z' },
    { length: 'day', now: '2026-11-23T23:59:59.999Z', name: '2026-11-23', ends: '2026-11-24T00:00:00.000Z' },
    { length: 'day', now: '2028-02-29T12:00:00.000Z', name: '2028-02-29', ends: '2028-03-01T00:00:00.000Z' },
    { length: 'day', now: '2026-12-31T23:00:00.000Z', name: '2026-12-31', ends: '2027-01-01T00:00:00.000Z' },
    { length: 'hour', now: '2026-11-23T10:00:00.000Z', name: '2026-11-23T10', ends: '2026-11-23T11:00:00.000Z' },
    { length: 'hour', now: '2026-11-23T23:59:59.999Z', name: '2026-11-23T23', ends: '2026-11-24T00:00:00.000Z' },
  ] as const)('names the $length of $now', ({ length, now, name, ends }) => {
    expect(windowAt(length, at(now))).toMatchObject({ name, ends_at: at(ends) })
  })

  it('puts every moment into exactly one window, whose end is the start of the next window', () => {
    const aMoment = fc.date({ min: new Date('2020-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
    fc.assert(
      fc.property(aMoment, fc.constantFrom('day' as const, 'hour' as const), (date, length) => {
        const now = date.getTime()
        const window = windowAt(length, now)

        expect(window.ends_at - window.length_ms).toBeLessThanOrEqual(now)
        expect(window.ends_at).toBeGreaterThan(now)
        expect(windowAt(length, window.ends_at - 1).name).toBe(window.name)
        expect(windowAt(length, window.ends_at).name > window.name).toBe(true)
      }),
    )
  })
})
