import { answerJson, answerText, type Respond, usualUsage } from './model.ts'

/** One way in which a model may answer, and the expected end of its request. */
export interface Answer {
  readonly respond: Respond
  readonly model?: string
  readonly ends: { status: 'completed' } | { status: 'failed'; code: string }
  /** The charged tokens. Default: the estimate of the request. */
  readonly tokens?: number
}

const completed = (respond: Respond, tokens?: number): Answer => ({
  respond,
  ends: { status: 'completed' },
  ...(tokens !== undefined && { tokens }),
})
const failed = (code: string, respond: Respond, tokens = 0): Answer => ({
  respond,
  ends: { status: 'failed', code },
  tokens,
})
const withUsage = (usage: unknown) => answerJson({ result: 'r', usage })
const resultOf = (bytes: number) => answerJson({ result: 'x'.repeat(bytes), usage: usualUsage })
const nothing: Respond = () => {}

/** The answers of the model, each by a description of its content. The description is also the prompt that gets this answer. */
export const answers: Readonly<Record<string, Answer>> = {
  'a usage whose total is more than the sum': completed(
    withUsage({ prompt_tokens: 20, completion_tokens: 30, total_tokens: 55 }),
    55,
  ),
  'usage over the estimate': completed(withUsage({ total_tokens: 100_000 }), 100_000),
  'usage without a total': completed(withUsage({ prompt_tokens: 20, completion_tokens: 30 }), 50),
  'usage of zero': completed(withUsage({ total_tokens: 0 }), 0),
  'no usage': completed(answerJson({ result: 'r' })),
  'usage null': completed(withUsage(null)),
  'a result of 100 KB': completed(resultOf(100 * 1024), 7),
  'very large and very small numbers': completed(answerJson({ result: [1e300, -1e300, 5e-324], usage: usualUsage }), 7),
  '60 KB of small numbers': completed(answerJson({ result: Array(30_000).fill(7), usage: usualUsage }), 7),
  'a result of 5 MB': failed('result_too_large', resultOf(5 * 1024 * 1024), 7),
  'an answer of 17 MB': failed('result_too_large', resultOf(17 * 1024 * 1024)),
  'negative usage': completed(withUsage({ total_tokens: -1 })),
  'usage with a fraction': completed(withUsage({ total_tokens: 1.5 }), 2),
  'usage as a text': completed(withUsage({ total_tokens: '7' }), 7),
  'no result': failed('invalid_model_response', answerJson({ usage: usualUsage }), 7),
  'not JSON': failed('invalid_model_response', answerText('<html>busy</html>')),
  'an empty answer': failed('invalid_model_response', answerText('')),
  'a result of null': failed('invalid_model_response', answerJson({ result: null, usage: usualUsage }), 7),
  'U+0000': completed(answerText('{"result":"\\u0000"}')),
  'a lone surrogate': completed(answerText('{"result":{"\\ud800":1}}')),
  'nesting 10,000 deep': failed(
    'invalid_model_response',
    answerText(`{"result":${'['.repeat(10_000)}${']'.repeat(10_000)}}`),
  ),
  'status 400': failed('model_rejected', answerJson({ result: 'r', usage: usualUsage }, 400)),
  'status 404': failed('model_rejected', answerText('not here', 404)),
  'a redirect': failed('model_rejected', answerText('', 302, { location: '/elsewhere' })),
  'status 429': failed('model_error', answerText('slow down', 429)),
  'status 500': failed('model_error', answerText('oops', 500)),
  'status 503': failed('model_error', answerText('', 503, { 'retry-after': '1' })),
  'a closed connection': failed('model_unreachable', response => response.destroy()),
  'a connection closed half-way': failed('model_unreachable', response => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('{"result":', () => response.destroy())
  }),
  'no answer in time': { ...failed('model_timeout', nothing), model: 'hurried' },
  'half an answer in time': {
    ...failed('model_timeout', response => {
      response.writeHead(200)
      response.write('{"result":')
    }),
    model: 'hurried',
  },
}
