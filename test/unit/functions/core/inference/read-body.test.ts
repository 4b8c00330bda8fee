import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findImpossibleNumber } from '../../../../../functions/core/domain/json-numbers.ts'
import { MAX_ANSWER_BYTES, readBody } from '../../../../../functions/core/inference/read-body.ts'

const read = (bytes: string | Uint8Array, headers: Record<string, string> = {}, secret?: string) =>
  readBody(Buffer.from(bytes), headers, secret)

const JSON_TEXT = '{"result":"é\u{1f600} fine","usage":{"total_tokens":3}}'
const json = { kind: 'json', value: JSON.parse(JSON_TEXT) }

describe('readBody: a stream of events', () => {
  it('is refused before it is parsed if its events have more lists and objects than a worker has memory for', async () => {
    const event = `data: [${'{},'.repeat(300_000)}{}]`

    expect(await read(`data: }\n\n${event}\n\n${event}\n\ndata: [DONE]\n\n`)).toMatchObject({ kind: 'text' })
  })
})

describe('readBody: an answer with a content encoding', () => {
  const codings = [
    { coding: 'gzip', encode: gzipSync },
    { coding: 'x-gzip', encode: gzipSync },
    { coding: 'deflate', encode: deflateSync },
    { coding: 'deflate', encode: deflateRawSync },
    { coding: 'br', encode: brotliCompressSync },
    { coding: 'zstd', encode: zstdCompressSync },
  ]

  it.each(codings)('is decoded from $coding if the header names the coding', async ({ coding, encode }) => {
    expect(await read(encode(JSON_TEXT), { 'content-encoding': coding })).toEqual(json)
    expect(await read(encode(JSON_TEXT), { 'content-encoding': ` ${coding.toUpperCase()} ` })).toEqual(json)
  })

  it.each(codings)(
    'an answer is decoded from $coding even if the header does not name the coding',
    async ({ encode }) => {
      expect(await read(encode(JSON_TEXT))).toEqual(json)
    },
  )

  it('an answer is decoded from several codings, the last one first', async () => {
    const bytes = brotliCompressSync(gzipSync(JSON_TEXT))

    expect(await read(bytes, { 'content-encoding': 'gzip, identity, br' })).toEqual(json)
  })

  it.each(['gzip', 'br', 'deflate', 'compress', 'aws-chunked', 'gzip, gzip'])(
    'an answer that is plain JSON is not decoded, since a proxy may have decoded it and kept the header: %s',
    async coding => {
      expect(await read(JSON_TEXT, { 'content-encoding': coding })).toEqual(json)
    },
  )

  it('an answer in one coding is decoded once, even if two proxies have each added the same Content-Encoding header', async () => {
    expect(await read(gzipSync(JSON_TEXT), { 'content-encoding': 'gzip, gzip' })).toEqual(json)
  })

  it.each([
    { what: 'cut off', bytes: gzipSync(JSON_TEXT).subarray(0, 30), coding: 'gzip' },
    { what: 'of an unknown coding', bytes: Buffer.from([1, 2, 3, 0]), coding: 'compress' },
    { what: 'damaged', bytes: Buffer.from([0x1f, 0x8b, 0x08, 1, 2, 3, 4, 5, 6]), coding: undefined },
  ])('an answer that is $what is refused with an error that says why', async ({ bytes, coding }) => {
    expect(await read(bytes, coding === undefined ? {} : { 'content-encoding': coding })).toEqual({
      kind: 'unusable',
      code: 'invalid_model_response',
      message: expect.stringMatching(/^the model's answer (can't be decoded from|begins like)/),
    })
  })

  it.each(codings)(
    'an answer is refused if it has more than 8 MB after it was decoded from $coding',
    async ({ coding, encode }) => {
      const bomb = encode(Buffer.alloc(MAX_ANSWER_BYTES + 1, ' '))
      const refused = { kind: 'unusable', code: 'result_too_large', message: "the model's answer is larger than 8 MB" }

      expect(await read(bomb, { 'content-encoding': coding })).toEqual(refused)
      expect(await read(bomb)).toEqual(refused)
    },
  )

  it('an answer is decoded from at most 3 content encodings, and refused with more', async () => {
    const layered = [1, 2, 3, 4].reduce<Uint8Array>(bytes => gzipSync(bytes), Buffer.from(JSON_TEXT))

    expect(await read(layered)).toMatchObject({ message: expect.stringContaining('more than 3 content encodings') })
    expect(await read(gzipSync(gzipSync(gzipSync(JSON_TEXT))))).toEqual(json)
  })
})

describe('readBody: an answer with a charset', () => {
  it.each([
    { charset: 'iso-8859-1', bytes: Buffer.from('{"a":"é"}', 'latin1'), text: 'é' },
    { charset: '"ISO-8859-15"', bytes: Buffer.from([...Buffer.from('{"a":"'), 0xa4, ...Buffer.from('"}')]), text: '€' },
    {
      charset: 'shift_jis',
      bytes: Buffer.from([...Buffer.from('{"a":"'), 0x93, 0xfa, ...Buffer.from('"}')]),
      text: '日',
    },
    { charset: 'utf-16le', bytes: Buffer.from('{"a":"日"}', 'utf16le'), text: '日' },
    { charset: 'us-ascii', bytes: Buffer.from('{"a":"é"}'), text: 'é' },
    { charset: 'nobody-knows', bytes: Buffer.from('{"a":"é"}'), text: 'é' },
  ])('an answer is read as $charset', async ({ charset, bytes, text }) => {
    const contentType = `application/json; Charset = ${charset}; profile=x`

    expect(await read(bytes, { 'content-type': contentType })).toEqual({ kind: 'json', value: { a: text } })
  })

  it.each([
    { what: 'UTF-8', bytes: Buffer.from('\ufeff{"a":"é"}') },
    { what: 'UTF-16, little end first', bytes: Buffer.from('\ufeff{"a":"é"}', 'utf16le') },
    { what: 'UTF-16, big end first', bytes: Buffer.from('\ufeff{"a":"é"}', 'utf16le').swap16() },
  ])('an answer is read as $what if it has this byte order mark, whatever the header says', async ({ bytes }) => {
    expect(await read(bytes, { 'content-type': 'application/json; charset=iso-8859-1' })).toEqual({
      kind: 'json',
      value: { a: 'é' },
    })
    expect(await read(gzipSync(bytes))).toEqual({ kind: 'json', value: { a: 'é' } })
  })

  it('an answer is accepted even if some bytes are not valid UTF-8', async () => {
    const bytes = Buffer.from([...Buffer.from('{"a":"'), 0xe9, ...Buffer.from('"}')])

    expect(await read(bytes)).toEqual({ kind: 'json', value: { a: '\ufffd' } })
  })
})

describe('readBody: numbers in an answer', () => {
  it.each([
    ['18446744073709551615', '18446744073709551615'],
    ['-9007199254740993', '-9007199254740993'],
    ['9007199254740991', 9_007_199_254_740_991],
    ['1764230400123456789', '1764230400123456789'],
    ['0.12345678901234567', 0.123_456_789_012_345_66],
    ['1e300', 1e300],
    ['12345678901234567890.5', 12_345_678_901_234_567_000],
    ['12345678901234567890.0', 12_345_678_901_234_567_000],
    ['1.2345678901234567891e19', 12_345_678_901_234_567_000],
  ])(
    'keeps all digits of the integer %s, or rounds the number if it has a point or an exponent',
    async (written, value) => {
      expect(await read(`{"seed": ${written}, "list": [${written},1]}`)).toEqual({
        kind: 'json',
        value: { seed: value, list: [value, 1] },
      })
    },
  )

  it('does not change digits, and words such as NaN, within texts', async () => {
    const value = { a: 'NaN, Infinity: 18446744073709551615 \\" 1e400', '18446744073709551615': 1 }

    expect(await read(JSON.stringify(value))).toEqual({ kind: 'json', value })
  })

  it.each(['NaN', '-Infinity', 'Infinity', '1e400', '-1E+999', 'nan', '-inf'])(
    'reads an answer with %s, which is not JSON, and keeps a note in its place, by which the number is found if it is used',
    async written => {
      const body = await read(`{"result": "fine", "logprobs": [0.5, ${written}]}`)

      expect(body).toMatchObject({ kind: 'json', value: { result: 'fine' } })
      const value = body.kind === 'json' ? body.value : undefined
      expect(findImpossibleNumber(value)).toBe(written)
      expect(findImpossibleNumber({ result: 'fine' })).toBeUndefined()
    },
  )

  it('gives the same value as JSON.parse for all other JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 5 }), async value => {
        const text = JSON.stringify(value)
        const parsed: unknown = JSON.parse(text)
        const isPlain = !/\d{16}|e\+\d{3}/.test(text) && text.trim() !== ''
        if (isPlain) expect(await read(text)).toEqual({ kind: 'json', value: parsed })
      }),
    )
  })
})

describe('readBody: a stream of events in place of JSON', () => {
  const chunk = (delta: object, more: object = {}) =>
    JSON.stringify({
      id: 'c1',
      object: 'chat.completion.chunk',
      created: 5,
      model: 'm',
      choices: [{ index: 0, delta, finish_reason: null, ...more }],
    })
  const stream = (...data: string[]) => data.map(one => `data: ${one}\n\n`).join('')

  it('becomes one answer with the joined chunks of a chat', async () => {
    const call = { index: 0, id: 't1', type: 'function', function: { name: 'f', arguments: '{"a"' } }
    const text = stream(
      chunk({ role: 'assistant', content: '', reasoning_content: 'hm' }),
      chunk({ content: 'he', reasoning_content: 'm' }),
      chunk({ content: 'llo', tool_calls: [call] }),
      chunk({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] }),
      chunk({}, { finish_reason: 'stop' }),
      JSON.stringify({ choices: [], usage: { total_tokens: 7 } }),
      '[DONE]',
    )

    expect(await read(`: a comment\r\n\r\n${text}`, { 'content-type': 'text/event-stream' })).toEqual({
      kind: 'json',
      value: {
        id: 'c1',
        object: 'chat.completion',
        created: 5,
        model: 'm',
        choices: [
          {
            index: 0,
            message: {
              role: 'assistant',
              content: 'hello',
              reasoning_content: 'hmm',
              tool_calls: [{ id: 't1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
            },
            finish_reason: 'stop',
          },
        ],
        usage: { total_tokens: 7 },
      },
    })
  })

  const messageOf = async (...deltas: object[]) => {
    const body = await read(stream(...deltas.map(delta => chunk(delta)), chunk({}, { finish_reason: 'stop' })))
    const value = body.kind === 'json' ? (body.value as { choices: { message: Record<string, unknown> }[] }) : undefined
    return value?.choices[0]?.message
  }
  const callsOf = async (...pieces: object[]) =>
    (await messageOf(...pieces.map(piece => ({ tool_calls: [piece] }))))?.tool_calls
  const piece = (args: string, name?: string, more: object = {}) => ({ ...more, function: { name, arguments: args } })
  const whole = (args: string, name: string, id?: string | number) => ({
    ...(id !== undefined && { id }),
    function: { name, arguments: args },
  })

  it.each([
    {
      what: 'ids and no index',
      pieces: [piece('{"a"', 'f', { id: 'x' }), piece(':1}'), piece('{"b":2}', 'g', { id: 'y' })],
      calls: [whole('{"a":1}', 'f', 'x'), whole('{"b":2}', 'g', 'y')],
    },
    {
      what: 'ids, and the index null',
      pieces: [piece('{}', 'f', { id: 'x', index: null }), piece('{}', 'f', { id: 'y', index: null })],
      calls: [whole('{}', 'f', 'x'), whole('{}', 'f', 'y')],
    },
    {
      what: 'the id and the name in each piece',
      pieces: [piece('{"a"', 'f', { id: 'x' }), piece(':1}', 'f', { id: 'x' }), piece('{}', 'f', { id: 'y' })],
      calls: [whole('{"a":1}', 'f', 'x'), whole('{}', 'f', 'y')],
    },
    {
      what: 'only names',
      pieces: [piece('{"a"', 'f'), piece(':1}'), piece('{"b":2}', 'g'), piece('', 'h')],
      calls: [whole('{"a":1}', 'f'), whole('{"b":2}', 'g'), whole('', 'h')],
    },
    {
      what: 'the same name twice',
      pieces: [piece('{"a":1}', 'f'), piece('{"b":2}', 'f')],
      calls: [whole('{"a":1}', 'f'), whole('{"b":2}', 'f')],
    },
    {
      what: 'the same index for all calls (Gemini)',
      pieces: [piece('{"a":1}', 'f', { id: 'x', index: 0 }), piece('{"b":2}', 'f', { id: 'y', index: 0 })],
      calls: [whole('{"a":1}', 'f', 'x'), whole('{"b":2}', 'f', 'y')],
    },
    {
      what: 'the same index for all calls, and one of them has no arguments',
      pieces: [piece('', 'f', { id: 'x', index: 0 }), piece('{"b":2}', 'g', { id: 'y', index: 0 })],
      calls: [whole('', 'f', 'x'), whole('{"b":2}', 'g', 'y')],
    },
    {
      what: 'another id in each piece of one index (vLLM)',
      pieces: [piece('', 'f', { id: 'x', index: 0 }), piece('{"a"', undefined, { id: 'y', index: 0 })],
      calls: [whole('{"a"', 'f', 'x')],
    },
    {
      what: 'another id and the same name in each piece of one index (vLLM with a named tool)',
      pieces: [
        piece('', 'f', { id: 'x', index: 0 }),
        piece('{"ci', 'f', { id: 'y', index: 0 }),
        piece('ty":"B"}', 'f', { id: 'z', index: 0 }),
      ],
      calls: [whole('{"city":"B"}', 'f', 'x')],
    },
    {
      what: 'the same index for calls whose pieces alternate',
      pieces: [
        piece('{"a"', 'f', { id: 'x', index: 0 }),
        piece('{"b"', 'g', { id: 'y', index: 0 }),
        piece(':1}', undefined, { id: 'x', index: 0 }),
        piece(':2}', undefined, { id: 'y', index: 0 }),
      ],
      calls: [whole('{"a":1}', 'f', 'x'), whole('{"b":2}', 'g', 'y')],
    },
    {
      what: 'numbers as ids',
      pieces: [piece('{"a"', 'f', { id: 0 }), piece(':1}', 'f', { id: 0 }), piece('{}', 'f', { id: 1 })],
      calls: [whole('{"a":1}', 'f', 0), whole('{}', 'f', 1)],
    },
    {
      what: 'the same id for two indexes',
      pieces: [piece('{"a":1}', 'f', { id: 'x', index: 0 }), piece('{"b":2}', 'f', { id: 'x', index: 1 })],
      calls: [whole('{"a":1}', 'f', 'x'), whole('{"b":2}', 'f', 'x')],
    },
    {
      what: 'the id and the name after the first piece',
      pieces: [
        piece('', '', { id: '', index: 0 }),
        piece('{', 'f', { id: 'x', index: 0 }),
        piece('}', '', { index: 0 }),
      ],
      calls: [whole('{}', 'f', 'x')],
    },
    {
      what: 'interleaved pieces in a wrong order',
      pieces: [
        piece('{"b"', 'g', { id: 'y', index: 1 }),
        piece('{"a"', 'f', { id: 'x', index: 0 }),
        piece(':2}', undefined, { index: 1 }),
        piece(':1}', undefined, { index: 0 }),
      ],
      calls: [whole('{"a":1}', 'f', 'x'), whole('{"b":2}', 'g', 'y')],
    },
  ])('tool calls keep their ids, names and arguments if a stream gives $what', async ({ pieces, calls }) => {
    expect(await callsOf(...pieces)).toEqual(calls)
  })

  it('tool calls with free text are joined, too', async () => {
    const first = { index: 0, id: 'x', type: 'custom', custom: { name: 'f', input: 'he' } }

    expect(await callsOf(first, { index: 0, custom: { input: 'llo' } })).toEqual([
      { id: 'x', type: 'custom', custom: { name: 'f', input: 'hello' } },
    ])
  })

  it.each([
    { what: 'a repeated name that may begin another call', pieces: [piece('{"a"', 'f'), piece(':1}', 'f')] },
    {
      what: 'the same index and the same name for two calls without ids',
      pieces: [piece('{"a":1}', 'f', { index: 0 }), piece('{"b":2}', 'f', { index: 0 })],
    },
    {
      what: 'two names for one index',
      pieces: [piece('{}', 'f', { index: 0, id: 'x' }), piece('', 'g', { index: 0 })],
    },
    {
      what: 'several ids and names for one index, and arguments that are no whole objects',
      pieces: [piece('{"a"', 'f', { index: 0, id: 'x' }), piece(':1}', 'g', { index: 0, id: 'y' })],
    },
    {
      what: 'several ids and the same name for one index, and arguments that are not JSON when joined',
      pieces: [piece('{"a"', 'f', { index: 0, id: 'x' }), piece('{"b":2}', 'f', { index: 0, id: 'y' })],
    },
    {
      what: 'the same index for calls whose pieces alternate without ids',
      pieces: [
        piece('{"a"', 'f', { index: 0, id: 'x' }),
        piece('{"b"', 'g', { index: 0, id: 'y' }),
        piece(':1}', undefined, { index: 0 }),
        piece(':2}', undefined, { index: 0 }),
      ],
    },
    { what: 'arguments without a name', pieces: [piece('{}', undefined, { index: 0, id: 'x' })] },
    {
      what: 'a new id without a name',
      pieces: [piece('{}', 'f', { id: 'x' }), piece('{}', undefined, { id: 'y' })],
    },
  ])('a stream is refused if its tool calls have $what, since joining could change them', async ({ pieces }) => {
    expect(await callsOf(...pieces)).toBeUndefined()
  })

  it('the pieces of a function call in the older form are joined', async () => {
    const called = (part: object) => ({ function_call: part })

    expect(
      await messageOf(
        called({ name: 'f', arguments: '{"a"' }),
        called({ arguments: ':' }),
        called({ name: '', arguments: '1}' }),
      ),
    ).toEqual({ role: 'assistant', content: null, function_call: { name: 'f', arguments: '{"a":1}' } })
  })

  it('any field of a message is joined by its kind, and a repeated name or role stays as it is', async () => {
    const audio = { id: 'a1', transcript: 'he', data: 'AA' }

    expect(
      await messageOf(
        { role: 'assistant', name: 'M', content: '', audio, reasoning_details: [{ text: 'h' }], final: false },
        { role: 'assistant', name: 'M', content: 'hi', audio: { id: 'a1', transcript: 'y' }, function_call: null },
        { role: '', audio: { data: 'BB', expires_at: 5 }, reasoning_details: [{ text: 'm' }], final: true },
      ),
    ).toEqual({
      role: 'assistant',
      name: 'M',
      content: 'hi',
      audio: { id: 'a1', transcript: 'hey', data: 'AABB', expires_at: 5 },
      reasoning_details: [{ text: 'h' }, { text: 'm' }],
      function_call: null,
      final: true,
    })
  })

  it('a list of parts that texts follow becomes one list, in which these texts are one part (Mistral)', async () => {
    const thinking = (text: string) => ({ type: 'thinking', thinking: [{ type: 'text', text }] })

    expect(
      await messageOf({ content: [thinking('h')] }, { content: [thinking('m')] }, { content: 'a' }, { content: 'b' }),
    ).toMatchObject({ content: [thinking('h'), thinking('m'), { type: 'text', text: 'ab' }] })
  })

  it.each([
    { what: 'its type and id', field: 'type', deltas: [{ type: 'start', id: 1 }, { type: 'delta' }], kept: 'delta' },
    {
      what: 'a name within another field',
      field: 'citation',
      deltas: [{ citation: { type: 'a', text: 'x' } }, { citation: { type: 'b', text: 'y' } }],
      kept: { type: 'b', text: 'xy' },
    },
    { what: 'the kind of another field', field: 'extra', deltas: [{ extra: 'x' }, { extra: ['y'] }], kept: ['y'] },
  ])('a message keeps the last value if a stream changes $what', async ({ field, deltas, kept }) => {
    expect(await messageOf({ content: 'a' }, ...deltas, { content: 'b' })).toMatchObject({
      content: 'ab',
      [field]: kept,
    })
  })

  it.each([
    { what: 'a text and an object as one content', deltas: [{ content: { text: 'a' } }, { content: 'b' }] },
    {
      what: 'two function calls in the older form',
      deltas: [{ function_call: { name: 'f', arguments: '{}' } }, { function_call: { name: 'g', arguments: '{}' } }],
    },
    {
      what: 'two roles',
      deltas: [
        { role: 'assistant', content: 'a' },
        { role: 'user', content: 'b' },
      ],
    },
  ])('a stream is refused if a message has $what', async ({ deltas }) => {
    expect(await messageOf(...deltas)).toBeUndefined()
  })

  it('a stream becomes one answer with the joined texts of each choice', async () => {
    const part = (index: number, text: string, finishReason: string | null = null) =>
      JSON.stringify({ object: 'text_completion', choices: [{ index, text, finish_reason: finishReason }] })

    expect(await read(stream(part(1, 'x'), part(0, 'a'), part(1, 'y', 'length'), part(0, 'b', 'stop')))).toEqual({
      kind: 'json',
      value: {
        object: 'text_completion',
        choices: [
          { index: 0, text: 'ab', finish_reason: 'stop' },
          { index: 1, text: 'xy', finish_reason: 'length' },
        ],
      },
    })
  })

  it('a stream becomes an answer with the log probabilities of all tokens', async () => {
    const part = (token: string | null, finishReason: string | null = null) =>
      chunk(
        { content: token },
        { finish_reason: finishReason, logprobs: token === null ? null : { content: [{ token }], refusal: null } },
      )

    expect(await read(stream(part('he'), part('llo'), part(null, 'stop')))).toMatchObject({
      value: {
        choices: [
          {
            message: { content: 'hello' },
            logprobs: { content: [{ token: 'he' }, { token: 'llo' }], refusal: null },
          },
        ],
      },
    })
  })

  it('a stream that contains an error becomes this error, which is then judged like any other error of the model', async () => {
    const error = { error: { message: 'overloaded', code: 503 } }

    expect(await read(stream(chunk({ content: 'he' }), JSON.stringify(error)))).toEqual({ kind: 'json', value: error })
  })

  it('a stream becomes an answer with null in place of the levels of an event beyond 1,000', async () => {
    const deep = `${'['.repeat(2_000)}${']'.repeat(2_000)}`
    const text = `data: {"choices":[{"delta":{"content":"hi","extra":${deep}}}]}\n\ndata: [DONE]\n\n`
    const body = await read(text)

    // The event, its choices, the choice and the delta are the first four levels.
    const kept = `${'['.repeat(996)}null${']'.repeat(996)}`
    expect(body.kind === 'json' && JSON.stringify(body.value)).toContain(`"extra":${kept},"role"`)
  })

  it.each([
    { what: 'has events of an unknown kind', text: stream('{"token":{"text":"a"}}', '{"token":{"text":"b"}}') },
    { what: 'is incomplete', text: stream(chunk({ content: 'he' })) },
    { what: 'has no JSON', text: stream('hello', '[DONE]') },
    { what: 'has only named events without data', text: 'event: ping\n\n' },
  ])('a stream that $what is refused, with advice on what to change', async ({ text }) => {
    expect(await read(text)).toEqual({
      kind: 'text',
      text,
      why: 'is a stream of server-sent events, and no JSON: set `stream` to false in the request mapping',
    })
  })

  it('a stream of JSON lines is refused, with advice on what to change', async () => {
    const text = '{"response":"he","done":false}\n{"response":"llo","done":true}\n'

    expect(await read(text, { 'content-type': 'application/x-ndjson' })).toEqual({
      kind: 'text',
      text,
      why: 'is a stream of JSON lines, and no JSON: set `stream` to false in the request mapping',
    })
  })
})

describe('readBody: any other answer', () => {
  it.each(['', ' \r\n', '\ufeff'])('counts as empty if it is %j', async text => {
    expect(await read(text)).toEqual({ kind: 'empty' })
    expect(await read(text, { 'content-encoding': 'gzip' })).toEqual({ kind: 'empty' })
  })

  it('is given as a text if it is not JSON', async () => {
    expect(await read('<html>')).toEqual({ kind: 'text', text: '<html>', why: 'is not JSON' })
  })

  it('the secret of the call is masked in an answer, unless it is so short that ordinary words would be masked', async () => {
    expect(await read('{"error":"bad key sk-12345"}', {}, 'sk-12345')).toEqual({
      kind: 'json',
      value: { error: 'bad key ***' },
    })
    expect(await read('{"error":"bad"}', {}, 'bad')).toEqual({ kind: 'json', value: { error: 'bad' } })
  })

  it('an answer of 1,000 levels is kept as it is, which is deeper than a result may be, since a mapping may leave the deep part out', async () => {
    const nested = '['.repeat(1_000) + ']'.repeat(1_000)

    expect(await read(nested)).toEqual({ kind: 'json', value: JSON.parse(nested) })
  })

  it.each([
    { what: 'lists', nested: (levels: number, inner: string) => '['.repeat(levels) + inner + ']'.repeat(levels) },
    { what: 'objects', nested: (levels: number, inner: string) => '{"a":'.repeat(levels) + inner + '}'.repeat(levels) },
  ])('an answer with $what at more than 1,000 levels has null in place of the deeper levels', async ({ nested }) => {
    for (const levels of [1_000, 5_000, 240_000]) {
      const body = await read(`{"result":"x","d":${nested(levels, '1')},"list":[1,{"b":[]}]}`)

      // The object around `d` is the first level.
      const kept = `{"result":"x","d":${nested(999, 'null')},"list":[1,{"b":[]}]}`
      expect(body.kind === 'json' && JSON.stringify(body.value)).toBe(kept)
    }
  })

  it('readBody never throws, whatever the bytes and headers of the answer are', async () => {
    const gzipped = fc.uint8Array().map(bytes => Uint8Array.from(gzipSync(bytes)))
    const cut = fc
      .tuple(fc.string(), fc.nat(40), fc.constantFrom(gzipSync, deflateSync, brotliCompressSync))
      .map(([text, length, encode]) => Uint8Array.from(encode(text).subarray(0, length)))
    const events = fc
      .array(fc.oneof(fc.json(), fc.string()))
      .map(list => Uint8Array.from(Buffer.from(list.map(data => `data: ${data}\n\n`).join(''))))
    const numbers = fc
      .array(fc.constantFrom('1e999', '-', 'NaN', '"', '\\', '9'.repeat(400), '[', ',', '{', ':', 'inf', ' '))
      .map(list => Uint8Array.from(Buffer.from(list.join(''))))
    const header = fc.oneof(fc.string(), fc.constantFrom('gzip', 'br', 'deflate', 'gzip, br', 'zstd'))
    const type = fc.oneof(
      fc.string(),
      fc.constantFrom('utf-16le', 'gbk', 'x').map(name => `a/b; charset=${name}`),
    )
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.uint8Array(), gzipped, cut, events, numbers),
        header,
        type,
        async (bytes, encoding, contentType) => {
          const body = await readBody(bytes, { 'content-encoding': encoding, 'content-type': contentType })
          expect(['json', 'text', 'empty', 'unusable']).toContain(body.kind)
        },
      ),
      { numRuns: 1_000 },
    )
  })

  it('an answer never becomes larger than 8 MB by its decoding', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 3 * MAX_ANSWER_BYTES }), async size => {
        const body = await read(gzipSync(Buffer.alloc(size, 'a'), { level: 1 }))
        if (body.kind === 'text') expect(body.text.length).toBeLessThanOrEqual(MAX_ANSWER_BYTES)
        else expect(body).toMatchObject(size === 0 ? { kind: 'empty' } : { code: 'result_too_large' })
      }),
      { numRuns: 10 },
    )
  })
})
