import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readUsage } from '../../../../../functions/core/inference/usage.ts'

describe('the usage that a model reports', () => {
  it.each([
    { reported: { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }, total: 7 },
    { reported: { input_tokens: 3, output_tokens: 4 }, total: 7 },
    { reported: { prompt_tokens: 20, completion_tokens: 10, total_tokens: 0 }, total: 30 },
    { reported: { prompt_tokens: 20, completion_tokens: 424, total_tokens: 1016 }, total: 1016 },
    { reported: { total_tokens: 12.5 }, total: 13 },
    { reported: { prompt_tokens: '3', completion_tokens: ' 4.2 ' }, total: 8 },
    { reported: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }, total: 0 },
    {
      reported: {
        prompt_tokens: 20,
        completion_tokens: 10,
        total_tokens: 30,
        completion_tokens_details: { reasoning_tokens: 500 },
        prompt_tokens_details: { cached_tokens: 400 },
      },
      total: 30,
    },
  ])(
    'the total is the larger of the reported total and the sum of both counts, and details are never added: $reported',
    ({ reported, total }) => {
      expect(readUsage(reported)).toMatchObject({ usage: { total_tokens: total }, isUnreadable: false })
    },
  )

  it('the usage has only the counts that the model reports as numbers', () => {
    const reported = { prompt_tokens: 1, completion_tokens: null, total_tokens: null }

    expect(readUsage(reported)).toEqual({ usage: { prompt_tokens: 1, total_tokens: 1 }, isUnreadable: true })
  })

  it.each([undefined, null, {}, { cached_tokens: 5 }])('the usage is missing if the model reports %j', reported => {
    expect(readUsage(reported)).toEqual({ isUnreadable: false })
  })

  it.each([
    12.5,
    'none',
    true,
    [],
    [{ total_tokens: 7 }],
    { total_tokens: null },
    { total_tokens: -1 },
    { total_tokens: '7 tokens' },
    { total_tokens: '' },
    { total_tokens: {} },
    { prompt_tokens: true },
  ])('the usage is unreadable if the model reports %j', reported => {
    expect(readUsage(reported)).toEqual({ isUnreadable: true })
  })

  it('a count is read from its second name (input_tokens) if the first (prompt_tokens) can’t be read', () => {
    expect(readUsage({ prompt_tokens: null, input_tokens: 5 })).toMatchObject({ usage: { prompt_tokens: 5 } })
  })

  it('the total is never less than any readable count of the report', () => {
    const count = fc.oneof(fc.nat(), fc.double(), fc.constant(null), fc.string(), fc.jsonValue())
    const names = ['prompt_tokens', 'completion_tokens', 'input_tokens', 'output_tokens', 'total_tokens']
    const report = fc.record(Object.fromEntries(names.map(name => [name, count])), { requiredKeys: [] })
    fc.assert(
      fc.property(fc.oneof(report, fc.jsonValue()), reported => {
        const { usage } = readUsage(reported)
        const { prompt_tokens = 0, completion_tokens = 0, total_tokens = 0 } = usage ?? {}

        expect(total_tokens).toBeGreaterThanOrEqual(prompt_tokens + completion_tokens)
        if (typeof reported !== 'object' || reported === null || Array.isArray(reported)) return
        for (const [name, value] of Object.entries(reported))
          if (names.includes(name) && typeof value === 'number' && value >= 0 && value <= 1e12)
            expect(name.startsWith('input') || name.startsWith('output') || total_tokens >= value).toBe(true)
      }),
    )
  })
})
