import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { maskPrompts, promptsIn, promptsSent } from '../../../../../functions/core/inference/mask-prompt.ts'

describe('a text that may quote a prompt', () => {
  it.each([
    { text: 'invalid input: "tell me a secret story"', prompt: 'tell me a secret story', masked: 'invalid input: "…"' },
    {
      text: 'near "e a secret story about" at 9',
      prompt: 'tell me a secret story about cats',
      masked: 'near "…" at 9',
    },
    { text: 'twice: abcdefghijklmnopq abcdefghijklmnopq.', prompt: 'abcdefghijklmnopq', masked: 'twice: … ….' },
    { text: 'the model does not exist', prompt: 'what does not exist?', masked: 'the model does not exist' },
    { text: '', prompt: 'anything at all, or more', masked: '' },
  ])('has each piece of 16 characters or more masked: $text', ({ text, prompt, masked }) => {
    expect(maskPrompts(text, [prompt])).toBe(masked)
  })

  it('has no piece of 16 characters of any prompt', () => {
    const word = fc.stringMatching(/^[ab ]{0,60}$/)
    fc.assert(
      fc.property(word, word, word, (before, prompt, after) => {
        const masked = maskPrompts(before + prompt + after, [prompt])

        for (let at = 0; at + 16 <= prompt.length; at++) expect(masked).not.toContain(prompt.slice(at, at + 16))
      }),
      { numRuns: 500 },
    )
  })
})

describe('the prompts of a request', () => {
  it('are all texts of its body but the names that choose a model', () => {
    const body = new Map<string, unknown>([
      ['prompt', 'p'],
      ['model', 'm'],
      ['messages', [{ content: 'c' }]],
      ['n', 1],
    ])

    expect([...promptsIn(body)]).toEqual(['p', 'c'])
  })

  it('are the long texts of what was sent, where the body is not at hand', () => {
    const long = 'x'.repeat(64)

    expect([...promptsSent({ model: 'gpt', input: [long] })]).toEqual([long])
  })
})
