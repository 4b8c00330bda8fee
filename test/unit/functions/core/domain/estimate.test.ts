import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { boundedPromptTokens, estimateTokens, resultTokens } from '../../../../../functions/core/domain/estimate.ts'

describe('estimateTokens', () => {
  it.each([
    { length: 1, tokens: 2 },
    { length: 4, tokens: 2 },
    { length: 5, tokens: 4 },
    { length: 400, tokens: 200 },
  ])('is $tokens for a prompt of $length characters, as in the old pipeline', ({ length, tokens }) => {
    expect(estimateTokens('x'.repeat(length))).toBe(tokens)
  })

  it('is the prompt’s half and the bound where the request bounds its output', () => {
    expect(estimateTokens('x'.repeat(400), 7)).toBe(107)
    expect(estimateTokens('x'.repeat(400), 0)).toBe(100)
  })

  it('has a prompt’s half, and a floor for the charge, only where the request bounds its output', () => {
    expect(boundedPromptTokens({ prompt: 'x'.repeat(5), parameters: { max_tokens: 0 } })).toBe(2)
    for (const parameters of [
      undefined,
      null,
      {},
      { max_tokens: null },
      { max_tokens: '9' },
      ['max_tokens'],
      'max_tokens',
    ])
      expect(boundedPromptTokens({ prompt: 'hello', parameters }), JSON.stringify(parameters)).toBeUndefined()
    expect([0, 1, 4, 5].map(resultTokens)).toEqual([0, 1, 1, 2])
  })

  it('is a positive integer that no bound makes smaller than the prompt’s part', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.option(fc.nat(), { nil: undefined }), (prompt, maxTokens) => {
        const estimate = estimateTokens(prompt, maxTokens)

        expect(Number.isInteger(estimate)).toBe(true)
        expect(estimate).toBeGreaterThanOrEqual(Math.max(1, prompt.length / 4) + (maxTokens ?? 0))
      }),
    )
  })
})
