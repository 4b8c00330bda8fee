import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RequestError } from '../../../../../functions/core/domain/errors.ts'
import { MAX_METADATA_BYTES } from '../../../../../functions/core/domain/submission.ts'
import { MAX_BODY_BYTES } from '../../../../../functions/core/http/parse-body.ts'
import { parseBody } from '../../../../../functions/core/inference-api/body.ts'
import { answerTo } from '../../../../support/answers.ts'

function errorOf(text: string): RequestError {
  try {
    parseBody(text)
  } catch (error) {
    if (error instanceof RequestError) return error
    throw error
  }
  throw new Error('accepted')
}
const nested = (depth: number) => `{"prompt":"x","a":${'['.repeat(depth)}${']'.repeat(depth)}}`

describe('parseBody', () => {
  it('accepts a submission with any further fields', () => {
    const body = {
      prompt: 'hello \u{1f600}',
      model_type: 'text',
      parameters: { max_tokens: 0, temperature: 0.5 },
      priority: 'high',
      metadata: { '': null, a: 1e300 },
      anything: [1],
    }

    expect(parseBody(JSON.stringify(body))).toEqual(body)
  })

  it.each([
    '18446744073709551615',
    '-9007199254740993',
    '12345678901234567891e0',
    '12345678901234567.0',
    '-9007199254740993.000E+0',
    '1.2345678901234567e16',
    '1.2345678901234567891E+19',
    '0.9007199254740993e16',
    '123456789012345678910e-1',
    '1234567890123456789.10e1',
  ])('refuses the integer %s, which JavaScript would read with wrong last digits', number => {
    const { message, details } = errorOf(`{"prompt":"x","parameters":{"seeds":[1,${number}]}}`)

    expect(message).toBe(
      '`parameters.seeds[1]` is an integer beyond 2^53, which would lose its last digits: send it as a text',
    )
    expect(details.problems).toEqual([{ path: 'parameters.seeds[1]', message: expect.any(String) }])
  })

  it.each([
    '9007199254740992',
    '18446744073709551616',
    '18446744073709551616.0',
    '1.8446744073709551616e19',
    '1e22',
    '"18446744073709551615"',
    '"12345678901234567.0"',
  ])('accepts %s, which JavaScript reads with the same value', number => {
    expect(parseBody(`{"prompt":"x","seed":${number}}`)).toMatchObject({ seed: JSON.parse(number) })
  })

  it.each([
    '0.1',
    '1e-7',
    '0.12345678901234567',
    '1.2345678901234567e-7',
    '12345678901234567.5',
    '123456789012345678915e-1',
    '1e23',
    '1e300',
    '1.5e300',
    '1.7976931348623157e+308',
    '1.2345678901234567e30',
  ])('accepts %s and rounds it, since it is a fraction or is not written with all digits', number => {
    expect(parseBody(`{"prompt":"x","seed":${number}}`)).toMatchObject({ seed: JSON.parse(number) })
  })

  it('refuses an integer only if it would lose digits, wherever its point is written', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 1n, max: 10n ** 30n }), fc.nat(40), fc.boolean(), (integer, shift, isNegative) => {
        const digits = String(integer)
        const point = Math.max(1, digits.length - shift)
        const exponent = digits.length - point
        const written = `${isNegative ? '-' : ''}${digits.slice(0, point)}.${digits.slice(point)}0e${exponent}`
        const parse = () => parseBody(`{"prompt":"x","seed":${written}}`)
        if (BigInt(Number(integer)) === integer) expect(parse()).toMatchObject({ seed: Number(written) })
        else expect(parse).toThrow('`seed` is an integer beyond 2^53')
      }),
    )
  })

  it.each(['NaN', 'Infinity', '1e400'])('refuses %s, which JSON can’t hold, and the error names it', number => {
    expect(errorOf(`{"prompt":"x","parameters":{"seed":${number}}}`).message).toBe(
      `\`parameters.seed\` is ${number}, a number that JSON can't hold`,
    )
  })

  it('skips a byte order mark', () => {
    expect(parseBody('\ufeff{"prompt":"x"}')).toEqual({ prompt: 'x', priority: 'normal' })
  })

  it('treats a field that is null as absent', () => {
    const nulls =
      '{"prompt":"x","model":null,"model_type":null,"parameters":null,"priority":null,"metadata":null,"lang":null}'

    expect(parseBody(nulls)).toEqual({ prompt: 'x', priority: 'normal' })
    expect(parseBody('{"prompt":"x","parameters":{"max_tokens":null,"stop":null}}')).toMatchObject({
      parameters: { max_tokens: null, stop: null },
    })
    expect(errorOf('{"prompt":null}').details.problems).toEqual([
      { path: 'prompt', message: 'is missing; it must be a string' },
    ])
  })

  it('gives a body without a priority the priority normal', () => {
    expect(parseBody('{"prompt":"x"}')).toEqual({ prompt: 'x', priority: 'normal' })
  })

  it.each([
    { what: 'broken JSON', body: '{"prompt": "secret', path: '' },
    { what: 'nothing', body: '', path: '' },
    { what: 'a list', body: '[]', path: '' },
    { what: 'null', body: 'null', path: '' },
    { what: 'a text', body: '"secret"', path: '' },
    { what: 'no prompt', body: '{}', path: 'prompt' },
    { what: 'an empty prompt', body: '{"prompt":""}', path: 'prompt' },
    { what: 'a prompt that is no text', body: '{"prompt":["secret"]}', path: 'prompt' },
    {
      what: 'negative max_tokens',
      body: '{"prompt":"x","parameters":{"max_tokens":-5}}',
      path: 'parameters.max_tokens',
    },
    {
      what: 'a fraction as max_tokens',
      body: '{"prompt":"x","parameters":{"max_tokens":0.5}}',
      path: 'parameters.max_tokens',
    },
    {
      what: 'max_tokens as text',
      body: '{"prompt":"x","parameters":{"max_tokens":"5"}}',
      path: 'parameters.max_tokens',
    },
    {
      what: 'max_tokens that are too large to add up',
      body: '{"prompt":"x","parameters":{"max_tokens":9007199254740991}}',
      path: 'parameters.max_tokens',
    },
    {
      what: 'max_tokens of 1e300',
      body: '{"prompt":"x","parameters":{"max_tokens":1e300}}',
      path: 'parameters.max_tokens',
    },
    ...['max_completion_tokens', 'max_output_tokens'].flatMap(name => [
      {
        what: `${name} as text`,
        body: `{"prompt":"x","parameters":{"${name}":"5"}}`,
        path: `parameters.${name}`,
      },
      { what: `a fraction as ${name} next to the prompt`, body: `{"prompt":"x","${name}":0.5}`, path: name },
    ]),
    { what: 'parameters that are no object', body: '{"prompt":"x","parameters":5}', path: 'parameters' },
    { what: 'an unknown priority', body: '{"prompt":"x","priority":"secret"}', path: 'priority' },
    { what: 'a model that is no text', body: '{"prompt":"x","model":{"a":"secret"}}', path: 'model' },
    { what: 'metadata that is a list', body: '{"prompt":"x","metadata":["secret"]}', path: 'metadata' },
    {
      what: 'metadata that is too large',
      body: JSON.stringify({ prompt: 'x', metadata: { a: 'x'.repeat(MAX_METADATA_BYTES) } }),
      path: 'metadata',
    },
    { what: 'U+0000 in the prompt', body: '{"prompt":"secret\\u0000"}', path: 'prompt' },
    { what: 'a lone surrogate in the prompt', body: '{"prompt":"secret\\ud800"}', path: 'prompt' },
    {
      what: 'U+0000 in an unknown field',
      body: '{"prompt":"x","other":{"a":["\\u0000"]}}',
      path: 'other.a[0]',
    },
    { what: '101 levels', body: nested(100), path: '' },
    { what: '1,000 levels', body: nested(1_000), path: '' },
    { what: '1,000,000 levels', body: nested(1_000_000), path: '' },
  ])('refuses $what with an error that names the field and does not quote its value', ({ body, path }) => {
    const { statusCode, body: answer } = answerTo(errorOf(body))

    expect(statusCode).toBe(400)
    expect(answer.code).toBe('invalid_request')
    expect(answer.details).toContainEqual({ path, message: expect.any(String) })
    expect(answer.error).toContain(path)
    expect(JSON.stringify(answer)).not.toContain('secret')
  })

  it('reports a wrong number only once, and says which numbers are allowed', () => {
    const { body } = answerTo(errorOf('{"prompt":"x","parameters":{"max_tokens":1e300}}'))

    expect(body.details).toEqual([
      { path: 'parameters.max_tokens', message: 'must be an integer from 0 to 1000 billion' },
    ])
  })

  it('names every wrong field in one error', () => {
    const { body } = answerTo(errorOf('{"prompt":"","priority":"odd"}'))

    expect(body.details).toMatchObject([{ path: 'prompt' }, { path: 'priority' }])
  })

  it('accepts a body with 99 nested levels below the body itself', () => {
    expect(parseBody(nested(99))).toMatchObject({ prompt: 'x' })
  })

  it('accepts a body of 4 MB, and refuses a body with one byte more, counted as the bytes that the client sent', () => {
    const frame = '{"prompt":""}'.length
    const largest = JSON.stringify({ prompt: 'x'.repeat(MAX_BODY_BYTES - frame) })
    const inUtf8 = JSON.stringify({ prompt: 'é'.repeat((MAX_BODY_BYTES - frame) / 2 + 1) })

    expect(parseBody(largest).prompt).toHaveLength(MAX_BODY_BYTES - frame)
    expect(errorOf(`${largest} `).code).toBe('payload_too_large')
    expect(errorOf(inUtf8).code).toBe('payload_too_large')
  })

  it('accepts a body of 50,000 values, and refuses a body of 50,001 values with an error that names the limit', () => {
    // The body, its prompt and the list count as values, too.
    const withValues = (count: number) => JSON.stringify({ prompt: 'x', list: new Array(count - 3).fill({}) })

    expect(parseBody(withValues(50_000)).list).toHaveLength(49_997)
    expect(errorOf(withValues(50_001))).toMatchObject({
      code: 'invalid_request',
      message: 'the body has over 50,000 JSON values, counted by its commas and brackets',
    })
  })

  it.each(['{}', '[]', '""', '0', '{"a":[1]}'])(
    'refuses 4 MB of %s before it parses them, so they take little memory',
    value => {
      const text = `{"prompt":"x","list":[${`${value},`.repeat(4_000_000 / (value.length + 1))}0]}`
      const before = process.memoryUsage().heapUsed

      expect(errorOf(text).code).toBe('invalid_request')
      expect(errorOf(text).message).toContain('50,000 JSON values')
      // Parsed values would take from 8 to 85 MB of memory. The text itself is one string of 4 MB.
      expect((process.memoryUsage().heapUsed - before) / 1024 / 1024).toBeLessThan(8)
    },
  )

  it('refuses a field named __proto__, which JavaScript would drop without a warning', () => {
    expect(() => parseBody('{"prompt":"x","parameters":{"__proto__":{"priority":"high"}}}')).toThrow('__proto__')
    expect(parseBody('{"prompt":"x","constructor":1}')).toMatchObject({ constructor: 1 })
  })
})
