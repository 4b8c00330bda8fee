import { setInterval } from 'node:timers'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { expect } from 'vitest'
import { httpAnswer } from '../../support/raw-server.ts'
import type { Said } from './raw-model.ts'

/** The exact bytes of an answer of a model, and the expected end of the request. */
export interface JudgedAnswer {
  /** The number of the case, and a description of the answer. */
  readonly of: string
  readonly model?: string
  /** The number of characters that follow the name of the case in the prompt. */
  readonly padding?: number
  /** One answer per call. All further calls get the last answer. */
  readonly says: readonly [Said, ...Said[]]
  /** The number of calls, which is also the number of attempts. Default: 1. */
  readonly calls?: number
  readonly result?: unknown
  /** The usage that the client sees. Absent if the model reports no usage. */
  readonly usage?: object
  readonly error?: object
}

const HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n'
const json = (value: unknown, status = 200, headers: readonly string[] = []): Said =>
  httpAnswer(status, JSON.stringify(value), ['Content-Type: application/json', ...headers])
/** Answers with exactly this text or these bytes, which may be something that JSON.stringify can't write. */
const written = (text: string | Uint8Array, type = 'application/json', status = 200): Said =>
  httpAnswer(status, text, [`Content-Type: ${type}`])

const total = (tokens: number) => ({ total_tokens: tokens })
const FINE = json({ result: 'fine', usage: total(7) })
const fine = { result: 'fine', usage: total(7) }
const withUsage = (usage: string) => written(`{"result":"fine","usage":${usage}}`)
/** An answer of OpenAI's API with one message. */
const chat = (message: object, finishReason = 'stop') =>
  json({
    choices: [{ index: 0, message: { role: 'assistant', ...message }, finish_reason: finishReason }],
    usage: total(7),
  })
const HELLO = chat({ content: 'Hello' })
const hello = { result: { text: 'Hello', finish_reason: 'stop' }, usage: total(7) }
const text = json({ choices: [{ text: 'Hello' }], usage: total(7) })
const ofText = { result: { text: 'Hello' }, usage: total(7) }

const unusable = (message: RegExp) => ({ code: 'invalid_model_response', message: expect.stringMatching(message) })
const LOGIN = '<!DOCTYPE html><html><head><title>Log in</title></head></html>'
const BAD_GATEWAY = '<html>\r\n<head><title>502 Bad Gateway</title></head><body>nginx</body></html>'

const usages: readonly JudgedAnswer[] = [
  {
    of: '1: counts that are null',
    says: [withUsage('{"prompt_tokens":1,"completion_tokens":null,"total_tokens":null}')],
    result: 'fine',
    usage: { prompt_tokens: 1, total_tokens: 1 },
  },
  ...['12.5', '-1', '[]', '{"total_tokens":-1}', '{"completion_tokens":{}}'].map(usage => ({
    of: `2: the unreadable usage ${usage}`,
    says: [withUsage(usage)] as const,
    result: 'fine',
  })),
  {
    of: '2: a fraction, and digits in a text',
    says: [withUsage('{"prompt_tokens":"3","completion_tokens":12.5}')],
    result: 'fine',
    usage: { prompt_tokens: 3, completion_tokens: 13, total_tokens: 16 },
  },
  ...['null', '{}'].map(usage => ({
    of: `3: the usage ${usage}`,
    says: [withUsage(usage)] as const,
    result: 'fine',
  })),
  { of: '3: no usage', says: [json({ result: 'fine' })], result: 'fine' },
  {
    of: '4: a total of 0 beside counts',
    says: [withUsage('{"prompt_tokens":20,"completion_tokens":10,"total_tokens":0}')],
    result: 'fine',
    usage: { prompt_tokens: 20, completion_tokens: 10, total_tokens: 30 },
  },
  {
    of: '4: a total that is more than the sum, and details, which are parts of the counts',
    says: [
      withUsage(
        '{"prompt_tokens":20,"completion_tokens":424,"total_tokens":1016,"completion_tokens_details":{"reasoning_tokens":572}}',
      ),
    ],
    result: 'fine',
    usage: { prompt_tokens: 20, completion_tokens: 424, total_tokens: 1016 },
  },
]

const errorsInSuccesses: readonly JudgedAnswer[] = [
  ...[
    { error: { message: 'Provider returned error', code: 504 } },
    { status: 'failed', error: { code: 'server_error' } },
  ].flatMap(
    error =>
      [
        {
          of: `9: 200 with ${JSON.stringify(error)}, judged by the profile`,
          model: 'chat',
          says: [json(error), HELLO],
          calls: 2,
          ...hello,
        },
        {
          of: `9: 200 with ${JSON.stringify(error)}, judged by a condition`,
          model: 'told',
          says: [json(error), text],
          calls: 2,
          ...ofText,
        },
      ] satisfies JudgedAnswer[],
  ),
  {
    of: '9: 200 with an error in each call',
    model: 'chat',
    says: [json({ error: { message: 'Provider returned error', code: 504 } })],
    calls: 3,
    error: { code: 'model_error', message: expect.any(String), status: 200, detail: 'Provider returned error' },
  },
  ...(['chat', 'told'] as const).map(model => ({
    of: `9: 200 with a sentence as the error (${model})`,
    model,
    says: [json({ error: 'Unexpected endpoint or method. (POST /chat/completions)' })] as const,
    error: {
      code: 'model_rejected',
      message: expect.any(String),
      status: 200,
      detail: 'Unexpected endpoint or method. (POST /chat/completions)',
    },
  })),
  ...[[], null].flatMap(
    choices =>
      [
        {
          of: `10: choices ${JSON.stringify(choices)}, judged by the profile`,
          model: 'chat',
          says: [json({ choices }), HELLO],
          calls: 2,
          ...hello,
        },
        {
          of: `10: choices ${JSON.stringify(choices)}, judged by a condition`,
          model: 'told',
          says: [json({ choices }), text],
          calls: 2,
          ...ofText,
        },
      ] satisfies JudgedAnswer[],
  ),
  {
    of: '10: choices null for a model without a profile and without a condition',
    model: 'hurried',
    says: [json({ choices: null })],
    error: { ...unusable(/no result \(200, application\/json\)$/), status: 200 },
  },
]

const contents: readonly JudgedAnswer[] = [
  { of: '5: U+0000 in the result', says: [written('{"result":"a\\u0000b"}')], result: 'a\ufffdb' },
  { of: '5: a lone surrogate in a name', says: [written('{"result":{"\\ud800":1}}')], result: { '\ufffd': 1 } },
  {
    of: '5: U+0000 in a field that the mapping ignores',
    says: [written('{"result":"a fine answer","debug":"a\\u0000b"}')],
    result: 'a fine answer',
  },
  {
    of: '6: a text with the six characters of an escaped U+0000',
    says: [written('{"result":{"code":"s = \'\\\\u0000\'"}}')],
    result: { code: String.raw`s = '\u0000'` },
  },
  {
    of: '7: an integer that is too large for a number of JavaScript',
    says: [written('{"result":{"seed":18446744073709551615}}')],
    result: { seed: '18446744073709551615' },
  },
  {
    of: '8: bytes of ISO 8859-1 that are invalid in UTF-8',
    says: [
      written(
        Buffer.from('{"result":"caf\xe9","usage":{"total_tokens":7}}', 'latin1'),
        'application/json; charset=iso-8859-1',
      ),
    ],
    result: 'café',
    usage: total(7),
  },
  {
    of: '11: only reasoning, which the limit of tokens cut off',
    model: 'chat',
    says: [chat({ content: null, reasoning_content: 'Let me think' }, 'length')],
    result: { text: '', reasoning_content: 'Let me think', finish_reason: 'length' },
    usage: total(7),
  },
  {
    of: '12: a content in parts',
    model: 'chat',
    says: [
      chat({
        content: [
          { type: 'text', text: 'hi ' },
          { type: 'text', text: 'there' },
        ],
      }),
    ],
    result: { text: 'hi there', finish_reason: 'stop' },
    usage: total(7),
  },
  { of: '13: 200 with an HTML page in the first call', says: [written(LOGIN, 'text/html'), FINE], calls: 2, ...fine },
  {
    of: '13: 200 with an HTML page in each call',
    says: [written(LOGIN, 'text/html; charset=utf-8')],
    calls: 3,
    error: {
      ...unusable(/^the model's answer is not JSON \(200, text\/html\); it begins with <!DOCTYPE html><html>/),
      status: 200,
      detail: expect.stringContaining('Log in'),
    },
  },
  {
    of: '13: 502 with an HTML page of nginx',
    says: [written(BAD_GATEWAY, 'text/html', 502)],
    calls: 3,
    error: {
      code: 'model_error',
      message: 'the model answered 502 (text/html)',
      status: 502,
      detail: expect.stringContaining('502 Bad Gateway'),
    },
  },
  {
    of: '14: a stream of chunks',
    model: 'chat',
    says: [
      written(
        [
          'data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Hel"}}]}',
          'data: {"choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":"stop"}],"usage":{"total_tokens":7}}',
          'data: [DONE]',
          '',
        ].join('\n\n'),
        'text/event-stream',
      ),
    ],
    ...hello,
  },
  {
    of: '14: a stream of another kind',
    says: [written('event: token\ndata: {"token":"Hel"}\n\n', 'text/event-stream')],
    error: { ...unusable(/server-sent events.*set `stream` to false.*text\/event-stream.*event: token/), status: 200 },
  },
  {
    of: '15: 202 with an id and a Location',
    says: [json({ id: 'abc', status: 'IN_QUEUE' }, 202, ['Location: /jobs/abc'])],
    error: { ...unusable(/202.*answers later by itself/), status: 202 },
  },
  {
    of: '15: 204',
    says: ['HTTP/1.1 204 No Content\r\n\r\n'],
    error: { ...unusable(/^the model answered nothing \(204\)$/), status: 204 },
  },
  {
    of: '15: an empty 200',
    says: [written('')],
    error: { ...unusable(/^the model answered nothing \(200, application\/json\)$/), status: 200 },
  },
  ...['NaN', '-Infinity', '1e400'].flatMap(
    number =>
      [
        {
          of: `16: ${number} in the result`,
          says: [written(`{"result":[0.5,${number}],"usage":{"total_tokens":7}}`)],
          usage: total(7),
          error: { ...unusable(new RegExp(number)), status: 200 },
        },
        {
          of: `16: ${number} in a field that the mapping ignores`,
          says: [written(`{"result":"fine","logprobs":[0.5,${number}],"usage":{"total_tokens":7}}`)],
          ...fine,
        },
      ] satisfies JudgedAnswer[],
  ),
]

const refused = (status: number) => ({
  code: 'model_rejected',
  message: `the model refused the request with ${status}`,
  status,
})
const converse = json({
  output: { message: { content: [{ text: 'Hello' }] } },
  stopReason: 'stop',
  usage: { totalTokens: 7 },
})

const statuses: readonly JudgedAnswer[] = [
  ...[408, 409, 425].map(status => ({
    of: `17: ${status}`,
    says: [json({}, status), FINE] as const,
    calls: 2,
    ...fine,
  })),
  ...[424, 498].map(status => ({ of: `17: ${status}`, says: [json({}, status)] as const, error: refused(status) })),
  { of: '17: 498, judged by the profile', model: 'chat', says: [json({}, 498), HELLO], calls: 2, ...hello },
  { of: '17: 424 of Bedrock', model: 'bedrock', says: [json({}, 424), converse], calls: 2, ...hello },
  { of: '17: 424 of SageMaker', model: 'sagemaker', says: [json({}, 424), HELLO], calls: 2, ...hello },
  ...['30000s', 'Wed, 21 Oct 2015 07:28:00 GMT', 'May 5 2099'].map(wait => ({
    of: `18: 429 with Retry-After: ${wait}, which is ignored`,
    says: [json({}, 429, [`Retry-After: ${wait}`]), FINE] as const,
    calls: 2,
    ...fine,
  })),
  {
    of: '20: a temporary 429 whose text names a quota',
    model: 'chat',
    says: [
      json({ error: { code: 'rate_limited', message: 'INSUFFICIENT QUOTA: too many concurrent requests' } }, 429),
      HELLO,
    ],
    calls: 2,
    ...hello,
  },
  ...[
    { model: 'chat', how: 'the profile' },
    { model: 'told', how: 'a condition' },
  ].map(({ model, how }) => ({
    of: `21: 500 for a prompt that is longer than the context, judged by ${how}`,
    model,
    says: [
      json({ error: { code: 500, message: 'Context size has been exceeded.', type: 'server_error' } }, 500),
    ] as const,
    error: {
      code: 'model_rejected',
      message: expect.stringContaining('drop_when'),
      status: 500,
      detail: expect.stringContaining('Context size has been exceeded.'),
    },
  })),
]

const FINE_BYTES = '{"result":"fine","usage":{"total_tokens":7}}'
const encoded = (bytes: Uint8Array, ...headers: readonly string[]): Said =>
  httpAnswer(200, bytes, ['Content-Type: application/json', ...headers])
const broken = (message: string) => ({ code: 'model_unreachable', message: expect.stringContaining(message) })
/** Closes the connection before the model has read the whole request. */
const destroy: Said = ({ socket }) => void socket.destroy()
const drip: Said = connection => {
  connection.say(`${HEAD}Content-Length: 1000000\r\n\r\n`)
  const dripping = setInterval(() => connection.say(' '), 100)
  connection.socket.on('close', () => clearInterval(dripping))
}

const bytes: readonly JudgedAnswer[] = [
  { of: '24: gzip, declared', says: [encoded(gzipSync(FINE_BYTES), 'Content-Encoding: gzip')], ...fine },
  { of: '24: gzip, not declared', says: [encoded(gzipSync(FINE_BYTES))], ...fine },
  { of: '24: brotli', says: [encoded(brotliCompressSync(FINE_BYTES), 'Content-Encoding: br')], ...fine },
  {
    of: '24: a small answer that decodes to more than 8 MB',
    says: [encoded(gzipSync(Buffer.alloc(9 * 1_048_576, ' ')), 'Content-Encoding: gzip')],
    error: { code: 'result_too_large', message: expect.stringContaining('8 MB'), status: 200 },
  },
  {
    of: '25: a Content-Length together with a Transfer-Encoding',
    says: [`${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`],
    error: unusable(/^the model's answer is not valid HTTP \(HPE_[A-Z_]+\)$/),
  },
  {
    of: '25: headers over 16 KB',
    says: [`${HEAD}X-Long: ${'a'.repeat(17_000)}\r\nContent-Length: 2\r\n\r\n{}`],
    error: unusable(/^the headers of the model's answer are over 16 KB \(HPE_HEADER_OVERFLOW\)$/),
  },
  {
    of: '26: a connection that the model closes after the first 1 MB of a request of 3.8 MB',
    padding: 3.8 * 1_048_576,
    says: [destroy],
    calls: 2,
    error: broken('it may take no request of this size, so the call is tried once more at most'),
  },
  {
    of: '29: one byte every 100 ms without end',
    model: 'hurried',
    says: [drip],
    error: { code: 'model_timeout', message: 'the model did not answer within 3 s' },
  },
  {
    of: '29: chunks that are cut off in the first call',
    says: [`${HEAD}Transfer-Encoding: chunked\r\n\r\n10\r\n{"result":`, FINE],
    calls: 2,
    ...fine,
  },
  {
    of: '29: a connection that the model closes in each call',
    says: [destroy],
    calls: 3,
    error: broken('the connection to the model was lost'),
  },
  {
    of: '36: a 400 whose text names a field',
    says: [json({ detail: 'bad field "model_input"' }, 400)],
    error: { ...refused(400), detail: 'bad field "model_input"' },
  },
  {
    of: '36: a 500 with a sentence',
    says: [written('CUDA out of memory', 'text/plain', 500)],
    calls: 3,
    error: {
      code: 'model_error',
      message: 'the model answered 500 (text/plain)',
      status: 500,
      detail: 'CUDA out of memory',
    },
  },
]

export const judgedAnswers: readonly JudgedAnswer[] = [
  ...usages,
  ...errorsInSuccesses,
  ...contents,
  ...statuses,
  ...bytes,
]
