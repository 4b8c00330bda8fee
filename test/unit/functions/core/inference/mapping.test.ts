import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createMappings, MappingError } from '../../../../../functions/core/inference/mapping.ts'
import { readBody } from '../../../../../functions/core/inference/read-body.ts'

const RESPONSE = '{ "result": result, "usage": usage }'
const REQUEST = '{ "model_input": prompt, "parameters": parameters, "request_id": request_id }'
const mappings = (of: { request?: string; response?: string } = {}) =>
  createMappings({ request: REQUEST, response: RESPONSE, ...of })

const FIELDS = { body: { prompt: 'hello' }, user_id: 'u42', request_id: 'r1', attempt: 1 }

describe('request mapping', () => {
  it('makes the body of the call from the fields of the client’s body and from Sluice’s own fields, such as request_id', async () => {
    const body = { prompt: 'hello', parameters: { temperature: 0.5 } }

    expect(await mappings().request({ ...FIELDS, body })).toEqual({
      model_input: 'hello',
      parameters: { temperature: 0.5 },
      request_id: 'r1',
    })
  })

  it('leaves out fields that the request does not have', async () => {
    expect(await mappings().request(FIELDS)).toEqual({ model_input: 'hello', request_id: 'r1' })
  })

  it('the request mapping gets Sluice’s own fields, even if the client’s body has fields of the same names', async () => {
    const request = '[user_id, request_id, attempt]'
    const body = { user_id: 'someone', request_id: 'else', attempt: 99 }

    expect(await mappings({ request }).request({ ...FIELDS, body })).toEqual(['u42', 'r1', 1])
  })

  it.each([
    { what: 'gives nothing', request: 'nothing.there', message: 'the request mapping gives nothing to send' },
    { what: 'fails', request: '$number(prompt)', message: "the request mapping fails with JSONata's error D3030" },
    { what: 'loops', request: '( $f := function() { $f() }; $f() )', message: /JSONata's error/ },
    {
      what: 'never ends',
      request: '$contains(prompt, /^(\\w+\\s?)+$/)',
      message: 'the request mapping takes over 2000 ms',
    },
    { what: 'gives too much', request: '$pad(prompt, 1e8)', message: 'the request mapping makes a value of over 8 MB' },
    { what: 'gives a value that is no JSON', request: '{ "f": $sum }', message: /JSON/ },
  ])('if the request mapping $what, its error does not quote the prompt', async ({ request, message }) => {
    const mapped = mappings({ request }).request({ ...FIELDS, body: { prompt: `secret ${'words '.repeat(20)}!` } })

    await expect(mapped).rejects.toThrow(MappingError)
    await expect(mapped).rejects.toThrow(message)
    await expect(mapped).rejects.not.toThrow('secret')
  })
})

describe('response mapping', () => {
  const usageOf = async (usage: unknown) => (await mappings().response({ result: 1, usage })).usage

  it('gives the result and the usage', async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }

    expect(await mappings().response({ result: { a: [1] }, usage })).toEqual({
      result: { a: [1] },
      usage,
      isUsageUnreadable: false,
    })
  })

  it.each([false, 0, '', [], {}])('accepts %j as a result', async result => {
    expect((await mappings().response({ result })).result).toEqual(result)
  })

  it.each([undefined, null, {}])('treats the usage %j as not reported', async usage => {
    expect(await usageOf(usage)).toBeUndefined()
  })

  it('a missing total of the usage is computed as the sum of the parts, and no other missing count is added', async () => {
    expect(await usageOf({ prompt_tokens: 3, completion_tokens: 4 })).toMatchObject({ total_tokens: 7 })
    expect(await usageOf({ total_tokens: 9 })).toEqual({ total_tokens: 9 })
  })

  it.each([
    { response: '{ "result": { "text": choices[0].text } }', isResult: false },
    { response: '{ "result": choices ? { "text": choices[0].text } : ($x := 1; { "text": text }) }', isResult: false },
    { response: '{ "result": choices ? { "text": choices[0].text } : other }', isResult: true },
    { response: '{ "result": other }', isResult: true },
    { response: '{ "result": {} }', isResult: true },
    { response: '{ "result": [{ "text": text }] }', isResult: true },
    { response: '{ "result": { "text": text, "by": "us" } }', isResult: true },
  ])(
    'the answer has no result if the mapping would make an object of which all fields are missing in the answer: $response',
    async ({ response, isResult }) => {
      const mapped = mappings({ response }).response({ choices: null, other: {} })

      if (isResult) await expect(mapped).resolves.toHaveProperty('result')
      else await expect(mapped).rejects.toThrow('the response mapping gives no result')
    },
  )

  it.each([
    { response: '{ "result": result }', isResult: false },
    { response: '{ "result": null }', isResult: true },
    { response: '{ "result": found ? result : null }', isResult: true },
    { response: '{ "result": result ?? null }', isResult: true },
    { response: '{ "result": ($x := result; null) }', isResult: true },
    { response: '{ "result": result, "other": null }', isResult: false },
    { response: '{ "result": result[$ != null] ?? $$.result }', isResult: false },
  ])(
    'the response mapping accepts null as a result only if its expression says null itself: $response',
    async ({ response, isResult }) => {
      const mapped = mappings({ response }).response({ result: null })

      if (isResult) expect((await mapped).result).toBeNull()
      else await expect(mapped).rejects.toThrow('the response mapping gives no result')
    },
  )

  it.each([
    { result: 'a\u0000b', stored: 'a\ufffdb' },
    { result: 'a\ud800b', stored: 'a\ufffdb' },
    { result: { 'k\u0000': ['\udc00', 1, null] }, stored: { 'k\ufffd': ['\ufffd', 1, null] } },
    { result: '\\u0000 as six characters', stored: '\\u0000 as six characters' },
    { result: '\u{1f600}', stored: '\u{1f600}' },
  ])(
    'the response mapping keeps a result, with U+FFFD for each character that no store accepts: $result',
    async ({ result, stored }) => {
      expect((await mappings().response({ result })).result).toEqual(stored)
    },
  )

  it.each([{ 'a\u0000': 1, 'a\ufffd': 2 }, { 'a\u0000': 1, 'a\udc00': 2 }, { list: [{ 'a\ud800': 1, 'a\udc00': 2 }] }])(
    'the response mapping refuses a result if two fields would get the same name, since one would be lost: %j',
    async result => {
      await expect(mappings().response({ result })).rejects.toThrow(
        'the result of the response mapping has two fields in one object whose names differ only in characters that no store keeps',
      )
    },
  )

  it('the response mapping keeps fields of different objects whose names become the same', async () => {
    const result = [{ 'a\u0000': 1 }, { 'a\ufffd': { 'a\u0000': 2 } }]

    expect((await mappings().response({ result })).result).toEqual([{ 'a\ufffd': 1 }, { 'a\ufffd': { 'a\ufffd': 2 } }])
  })

  it('the response mapping does not check fields of the answer that it does not use', async () => {
    const deep = JSON.parse('['.repeat(200) + ']'.repeat(200)) as unknown

    expect((await mappings().response({ result: 'fine', debug: 'a\u0000b', more: deep })).result).toBe('fine')
    await expect(mappings().response({ result: deep })).rejects.toThrow('is nested over 100 deep')
  })

  it.each([
    { where: 'the main thread', response: '{ "result": result }', kept: '{ "result": debug }' },
    { where: 'the sandbox', response: '{ "result": $split(result, ",")[1] }', kept: '{ "result": $append(1, debug) }' },
  ])(
    'a mapping in $where may leave out a part of any depth, and fails with a sentence if it keeps this part',
    async ({ response, kept }) => {
      for (const levels of [1_000, 5_000, 100_000]) {
        const deep = '['.repeat(levels) + ']'.repeat(levels)
        const body = await readBody(Buffer.from(`{"result":"a,b","debug":${deep}}`), {})
        const answer = body.kind === 'json' ? body.value : undefined

        expect((await mappings({ response }).response(answer)).result).toMatch(/b$/)
        await expect(mappings({ response: kept }).response(answer)).rejects.toThrow(
          'the result of the response mapping is nested over 100 deep',
        )
      }
    },
  )

  it('the response mapping leaves out usage fields that only some models report', async () => {
    expect(await usageOf({ total_tokens: 9, cached_tokens: 5 })).not.toHaveProperty('cached_tokens')
  })

  it.each([
    { what: 'negative tokens', usage: { total_tokens: -1 } },
    { what: 'more tokens than a number can count exactly', usage: { total_tokens: 1e300 } },
    { what: 'so many tokens that a user’s sum would not be exact', usage: { total_tokens: 2 ** 52 } },
    { what: 'a list', usage: [1] },
    { what: 'a text', usage: 'none' },
  ])('treats a usage of $what as unreadable, and keeps the result', async ({ usage }) => {
    expect(await mappings().response({ result: 1, usage })).toEqual({
      result: 1,
      usage: undefined,
      isUsageUnreadable: true,
    })
  })

  it.each([
    { what: 'no result', answer: { text: 'hi' }, response: RESPONSE },
    { what: 'no object', answer: { text: 'hi' }, response: 'text' },
    { what: 'nothing', answer: {}, response: 'nothing.there' },
    { what: 'a function', answer: {}, response: '{ "result": $sum }' },
    { what: 'a lambda', answer: {}, response: '{ "result": function($x) { $x } }' },
    { what: 'a failure', answer: {}, response: '$error("secret words")' },
  ])('the model’s answer is invalid if the response mapping gives $what', async ({ answer, response }) => {
    const mapped = mappings({ response }).response(answer)

    await expect(mapped).rejects.toThrow(MappingError)
    await expect(mapped).rejects.not.toThrow('secret')
  })

  it.each(['NaN', '-Infinity', '1e400'])(
    'a result with the number %s, which JSON can’t hold, is refused and named, also in a separate thread; outside the result, the number is ignored',
    async number => {
      const body = await readBody(Buffer.from(`{"result": [0.5, ${number}], "text": "fine"}`), {})
      const answer = body.kind === 'json' ? body.value : undefined
      const sentence = `the result of the response mapping has ${number}, a number that JSON can't hold`

      await expect(mappings().response(answer)).rejects.toThrow(sentence)
      await expect(mappings({ response: '{ "result": $sort(result) }' }).response(answer)).rejects.toThrow(number)
      expect((await mappings({ response: '{ "result": text }' }).response(answer)).result).toBe('fine')
      await expect(mappings({ response: '{ "result": result[1] * 2 }' }).response(answer)).rejects.toThrow(
        `the model's answer has ${number}, a number that JSON can't hold`,
      )
    },
  )

  it.each(['{ "result": seed }', '{ "result": $string(seed) }', '{ "result": $replace(seed, /x/, "") }'])(
    'the response mapping keeps all digits of a long integer, as a text: %s',
    async response => {
      const body = await readBody(Buffer.from('{"seed": 18446744073709551615}'), {})
      const answer = body.kind === 'json' ? body.value : undefined

      expect((await mappings({ response }).response(answer)).result).toBe('18446744073709551615')
    },
  )

  it('the response mapping keeps a list of one item as a list', async () => {
    expect((await mappings().response({ result: [1] })).result).toEqual([1])
  })

  it('the response mapping gives plain JSON, without the properties that JSONata adds to lists', async () => {
    const { result } = await mappings({ response: '{ "result": [1..3].($ * 2) }' }).response({})

    expect(Object.getOwnPropertyNames(result)).toEqual(['0', '1', '2', 'length'])
  })
})

describe('the request mapping and the response mapping', () => {
  const Expressions = [
    REQUEST,
    '{ "messages": messages ?? [{ "role": "user", "content": prompt }], "x": parameters.*[0] }',
    '$merge([parameters, { "stream": false }])',
    '$contains(prompt, other) or $length(prompt) > list[0]',
    '$replace(prompt, /(a+)+b|[^ ]+/, "$1")',
    '$pad(prompt, width) & $string($$)',
    '$sort(list) ~> $map($string) ~> $join(prompt)',
    '$number(width) / $count(list)',
    '**.$type($)',
    '$parse(prompt)',
    'field',
  ]
  // The fields that the expressions use, with values of any kind. Some fields have names that JSONata uses internally.
  const name = fc.constantFrom('_jsonata_lambda', '_jsonata_function', 'thunk', 'sequence', 'length', 'a', 'b')
  const value = fc.oneof(
    fc.jsonValue(),
    fc.integer(),
    fc.array(fc.integer()),
    fc.stringMatching(/^a{0,40}[b ]?$/),
    fc.dictionary(name, fc.oneof(fc.constant(true), fc.jsonValue())),
  )
  const body = fc.record(
    Object.fromEntries(
      ['prompt', 'other', 'parameters', 'messages', 'list', 'width', 'field'].map(field => [field, value]),
    ),
    { requiredKeys: [] },
  )

  it('give plain JSON or a MappingError for any input', async () => {
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...Expressions), body, async (expression, body) => {
        const { request, response } = mappings({ request: expression, response: `{ "result": (${expression}) }` })

        for (const mapped of [request({ ...FIELDS, body }), response(body)]) {
          const given = await mapped.catch((error: unknown) => error)
          if (given instanceof Error) expect(given).toBeInstanceOf(MappingError)
          else expect(JSON.parse(JSON.stringify(given))).toEqual(given)
        }
      }),
      { numRuns: 150 },
    )
  }, 60_000)
})
