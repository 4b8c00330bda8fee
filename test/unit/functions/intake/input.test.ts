import { describe, expect, it } from 'vitest'
import { toSubmission } from '../../../../functions/core/inference-api/body.ts'
import { inputOf, parseInput } from '../../../../functions/intake/input.ts'
import { aDelivery } from '../../../support/deliveries.ts'

const deliveryFrom = (queue: string) => aDelivery('text', 0, { queue })

describe('inputOf: the message of an input queue', () => {
  it('is identified by the queue and the message id', () => {
    expect(inputOf(deliveryFrom('nightly'))).toEqual({
      queue: 'nightly',
      message_id: 'message-0',
      text: 'text',
      given_up: false,
    })
  })

  it('has the same queue and id if the message comes from the dead-letter queue of the input queue', () => {
    expect(inputOf(deliveryFrom('nightly-dlq'))).toMatchObject({ queue: 'nightly', given_up: true })
  })
})

describe('parseInput', () => {
  it('separates the user of a message from the body, which is like the body of a POST', () => {
    expect(parseInput('{"user_id":"u.4-2_@x","prompt":"p","tag":1}')).toEqual({
      user_id: 'u.4-2_@x',
      submission: toSubmission({ prompt: 'p', tag: 1, priority: 'normal' }),
    })
  })

  it.each([
    ['not JSON', 'prompt: hello', { path: '', message: 'is not valid JSON' }],
    ['no object', '[]', { path: '', message: 'must be an object' }],
    ['no user', '{"prompt":"p"}', { path: 'user_id', message: 'is missing; it must be a string' }],
    [
      'an invalid user',
      '{"prompt":"p","user_id":"u#1"}',
      { path: 'user_id', message: 'must be 1 to 128 of A-Z a-z 0-9 . _ @ -' },
    ],
    [
      'a user with too long a name',
      `{"prompt":"p","user_id":"${'u'.repeat(129)}"}`,
      { path: 'user_id', message: 'must be 1 to 128 of A-Z a-z 0-9 . _ @ -' },
    ],
    ['no prompt', '{"user_id":"u"}', { path: 'prompt', message: 'is missing; it must be a string' }],
    [
      'U+0000',
      '{"prompt":"a\\u0000","user_id":"u"}',
      { path: 'prompt', message: 'contains U+0000, which no store keeps' },
    ],
  ])('refuses a message with a mistake, and names the wrong field: %s', (_, text, problem) => {
    expect(() => parseInput(text)).toThrow(
      expect.objectContaining({ code: 'invalid_request', details: { problems: [problem] } }),
    )
  })
})
