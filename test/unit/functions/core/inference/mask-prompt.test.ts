import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  coverPrompts,
  createMask,
  promptsIn,
  promptsSent,
} from '../../../../../functions/core/inference/mask-prompt.ts'
import { flat } from '../../../../../functions/core/inference/one-line.ts'

function maskPrompts(text: string, prompts: readonly string[]): string {
  const mask = createMask(text)
  coverPrompts([mask], prompts)
  return mask.masked()
}

/** Any prompt of a few words, with characters that have escapes, with texts that look like escapes, and with case. */
const aPrompt = fc
  .array(
    fc.oneof(
      fc.constantFrom('a', 'N', 'u0041', ' ', '"', "'", '\\', '/', '&', '<', '>', '+', '%', ';', '#', '\n', '\u0007'),
      fc.constantFrom('é', 'Ü', 'ß', 'İ', 'Σ', 'ς', '中', '\u{1f600}'),
      fc.constantFrom('\\n', '\\"', '\\u0041', '\\\\', '%41', '&amp;', '&lt'),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 3 }),
    ),
    { maxLength: 30 },
  )
  .map(parts => `Tell me a secret ${parts.join('')} now`)

const asJson = (text: string): string => JSON.stringify(text).slice(1, -1)
const toAscii = (text: string, write: (hex: string) => string): string =>
  text.replace(/[\u0080-\uffff]/g, unit => write(unit.charCodeAt(0).toString(16).padStart(4, '0')))
const asHtml = (text: string): string =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;')

const forms: Readonly<Record<string, (prompt: string) => string>> = {
  'as it is': prompt => prompt,
  'in upper case': prompt => prompt.toUpperCase(),
  'in lower case': prompt => prompt.toLowerCase(),
  'in JSON': asJson,
  'in JSON of ASCII characters': prompt => toAscii(asJson(prompt), hex => `\\u${hex}`),
  'in JSON of ASCII characters, with upper hex digits': prompt =>
    toAscii(asJson(prompt), hex => `\\u${hex.toUpperCase()}`),
  'in JSON that is a text of JSON': prompt => asJson(toAscii(asJson(prompt), hex => `\\u${hex}`)),
  'with the escapes of JavaScript’s characters': prompt =>
    asJson(prompt).replace(/[\u0080-\u{10ffff}]/gu, character => `\\u{${character.codePointAt(0)?.toString(16)}}`),
  'as bytes of Python': prompt =>
    asJson(prompt).replace(/[\u0080-\u{10ffff}]+/gu, text =>
      [...Buffer.from(text)].map(byte => `\\x${byte.toString(16)}`).join(''),
    ),
  'percent-encoded': encodeURIComponent,
  'percent-encoded with lower hex digits': prompt =>
    encodeURIComponent(prompt).replace(/%../g, code => code.toLowerCase()),
  'as a field of a form': prompt => new URLSearchParams({ p: prompt }).toString().slice(2),
  'in HTML': asHtml,
  'in HTML of ASCII characters': prompt =>
    asHtml(prompt).replace(/[\u0080-\u{10ffff}]/gu, character => `&#${character.codePointAt(0)};`),
  'in HTML of ASCII characters, with hex digits': prompt =>
    asHtml(prompt).replace(/[\u0080-\u{10ffff}]/gu, character => `&#x${character.codePointAt(0)?.toString(16)};`),
  'as JSON in HTML': prompt => asHtml(asJson(prompt)),
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

  it.each(Object.entries(forms))('a prompt is masked in an error text that quotes it %s', (_, quote) => {
    fc.assert(
      fc.property(aPrompt, prompt => {
        const text = flat(`bad input: "${quote(prompt)}", 9 words`)

        expect(maskPrompts(text, [prompt])).toBe('bad input: "…", 9 words')
      }),
      { numRuns: 500 },
    )
  })

  it('a piece of a prompt is masked from its first to its last escape', () => {
    const prompt = 'Die Krankenakte von Jürgen Müller, geboren 1961 in Köln'

    expect(maskPrompts(String.raw`near "von J\u00FCrgen M\u00FCller, geb" at 9`, [prompt])).toBe('near "…" at 9')
    expect(maskPrompts('near VON%20J%C3%9CRGEN%20M%C3%9CLLER, at 9', [prompt])).toBe('near…at 9')
  })

  it('an error text that quotes no prompt stays as it is, with its escapes', () => {
    const text = String.raw`{"error":"caf\u00e9 100% full &amp; closed, a+b%20c"} \x &#x110000; %E4%B8`

    expect(maskPrompts(text, ['Tell me a secret story about cats, 100%'])).toBe(text)
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
