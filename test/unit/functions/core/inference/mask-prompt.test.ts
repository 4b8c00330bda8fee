import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  coverPrompts,
  createMask,
  promptsIn,
  promptsSent,
} from '../../../../../functions/core/inference/mask-prompt.ts'

function maskPrompts(text: string, prompts: readonly string[]): string {
  const mask = createMask(text)
  coverPrompts([mask], prompts)
  return mask.masked()
}

describe('maskPrompts: an error text of the model that may quote a prompt', () => {
  it.each([
    { text: 'invalid input: "tell me a secret story"', prompt: 'tell me a secret story', masked: 'invalid input: "…"' },
    {
      text: 'near "e a secret story about" at 9',
      prompt: 'tell me a secret story about cats',
      masked: 'near "…" at 9',
    },
    { text: 'twice: abcdefghijklmnopq abcdefghijklmnopq.', prompt: 'abcdefghijklmnopq', masked: 'twice: … ….' },
    { text: 'the model does not exist', prompt: 'what does not exist?', masked: 'the model does not exist' },
    {
      text: 'bad: "Name: Jon Doe SSN: 123-45-6789"',
      prompt: 'Name: Jon Doe\nSSN: 123-45-6789\nPin: 9876',
      masked: 'bad: "…"',
    },
    { text: 'bad: {"in":"Name:\\nJon \\"Doe\\" Smith"}', prompt: 'Name:\nJon "Doe" Smith', masked: 'bad: {"in":"…"}' },
    { text: '', prompt: 'anything at all, or more', masked: '' },
  ])(
    'each piece of the prompt of 16 characters or more is masked in an error text: $text',
    ({ text, prompt, masked }) => {
      expect(maskPrompts(text, [prompt])).toBe(masked)
    },
  )

  it('an error text is masked as a whole if a long prompt of one repeated character would make the comparison slow', () => {
    const text = 'a'.repeat(500)

    expect(maskPrompts(text, ['b'.repeat(100_000), 'a'.repeat(4_000_000)])).toBe('…')
  })

  it('a masked error text contains no 16 characters in a row of the prompt', () => {
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
  it('are all texts of its body except the name of the model', () => {
    const body = new Map<string, unknown>([
      ['prompt', 'p'],
      ['model', 'm'],
      ['messages', [{ content: 'c' }]],
      ['n', 1],
    ])

    expect([...promptsIn(body)]).toEqual(['p', 'c'])
  })

  it('if the client’s body can’t be read, the prompts are all texts of the body that was sent to the model, except the model’s name', () => {
    expect([...promptsSent({ model: 'gpt', input: ['a short prompt'] })]).toEqual(['a short prompt'])
    expect([...promptsSent('a text')]).toEqual(['a text'])
  })
})
