import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  boundedPromptTokens,
  estimateTokens,
  MAX_TOKENS,
  minimumTokens,
} from '../../../../../functions/core/domain/estimate.ts'

const LONG = 'x'.repeat(400)

describe('estimateTokens', () => {
  it.each([
    { prompt: 'x', tokens: 2 },
    { prompt: 'xxxx', tokens: 2 },
    { prompt: 'xxxxx', tokens: 4 },
    { prompt: LONG, tokens: 200 },
    { prompt: '\u4f60'.repeat(4_000), tokens: 6_000 },
    { prompt: '\u{1f600}', tokens: 2 },
  ])('reserves $tokens tokens: two per four bytes of UTF-8', ({ prompt, tokens }) => {
    expect(estimateTokens(prompt, { prompt })).toBe(tokens)
  })

  it.each([
    { body: { parameters: { max_tokens: 7 } }, tokens: 107 },
    { body: { parameters: { max_tokens: 0 } }, tokens: 100 },
    { body: { parameters: { max_completion_tokens: 50_000 } }, tokens: 50_100 },
    { body: { parameters: { max_output_tokens: 9 } }, tokens: 109 },
    { body: { max_completion_tokens: 50_000 }, tokens: 50_100 },
    { body: { max_tokens: 5, parameters: { max_tokens: 7, max_completion_tokens: 6 } }, tokens: 107 },
    { body: { max_tokens: 7, n: 3 }, tokens: 121 },
    { body: { parameters: { max_tokens: 7, n: 3 } }, tokens: 121 },
    { body: { max_tokens: 7, n: 2, parameters: { n: 3 } }, tokens: 121 },
    { body: { max_tokens: MAX_TOKENS, n: 1_000 }, tokens: MAX_TOKENS + 100 },
  ])('reserves the tokens of the prompt and the highest number of output tokens for $body', ({ body, tokens }) => {
    expect(estimateTokens(LONG, body)).toBe(tokens)
  })

  it.each([
    { n: 3 },
    { max_tokens: null },
    { max_tokens: 7, n: null },
    { max_tokens: 7, n: 0 },
    { max_tokens: 7, n: '3' },
  ])('ignores a field that does not limit the output: %j', body => {
    expect(estimateTokens(LONG, body)).toBe('max_tokens' in body && body.max_tokens === 7 ? 107 : 200)
  })

  it('boundedPromptTokens gives the tokens of the prompt only if the request limits its output; minimumTokens adds a token per four bytes of output', () => {
    expect(boundedPromptTokens({ prompt: 'x'.repeat(5), parameters: { max_tokens: 0 } })).toBe(2)
    expect(boundedPromptTokens({ prompt: 'x'.repeat(5), max_output_tokens: 0 })).toBe(2)
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
    expect([0, 1, 4, 5].map(bytes => minimumTokens(7, bytes))).toEqual([7, 8, 8, 9])
  })

  it('the estimate is a positive integer, and covers at least the prompt and the highest number of output tokens', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.option(fc.nat(), { nil: undefined }), (prompt, maxTokens) => {
        const estimate = estimateTokens(prompt, { parameters: { max_tokens: maxTokens } })

        expect(Number.isInteger(estimate)).toBe(true)
        expect(estimate).toBeGreaterThanOrEqual(Math.max(1, prompt.length / 4) + (maxTokens ?? 0))
      }),
    )
  })
})
