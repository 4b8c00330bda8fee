import { describe, expect, it } from 'vitest'
import {
  keptInput,
  keptMessage,
  readAnyMessage,
  readInferenceMessage,
} from '../../../../../functions/core/domain/messages.ts'
import { aMessage, anAcceptedEvent, anItem, anOutcome, asReceived } from '../../../../support/requests.ts'

const item = anItem()
const message = asReceived(aMessage(item))
const textOf = (value: unknown) => JSON.stringify(value)

describe('readInferenceMessage', () => {
  it('keeps the fields of a newer version, at any depth', () => {
    const newer = { ...message, body: { inline: 'x', more: 1 }, hints: { alone: true, more: 2 }, more: 3 }
    expect(readInferenceMessage(textOf(newer))).toEqual({ kind: 'message', message: newer })
  })

  it.each([
    {
      what: 'a type that does not exist here',
      value: { ...message, type: 'follow-up' },
      type: 'follow-up',
      version: 1,
    },
    { what: 'a newer version of its type', value: { ...message, v: 2 }, type: 'inference', version: 2 },
    { what: 'a newer version with other fields', value: { v: 3, type: 'outcome' }, type: 'outcome', version: 3 },
  ])(
    'reports a message of $what as one that only a newer version of the function can read',
    ({ value, type, version }) => {
      expect(readInferenceMessage(textOf(value))).toEqual({ kind: 'unknown type', type, version })
    },
  )

  it.each([
    { what: 'no JSON', text: '{', reason: 'not JSON' },
    { what: 'no object', text: 'null', reason: 'not of its schema' },
    { what: 'of no type', text: textOf({ ...message, type: undefined }), reason: 'not of its schema' },
    { what: 'of no version', text: textOf({ ...message, v: undefined }), reason: 'not of its schema' },
    {
      what: 'of a type that no version can have',
      text: textOf({ ...message, type: '<p>' }),
      reason: 'not of its schema',
    },
    { what: 'without a field', text: textOf({ ...message, nonce: undefined }), reason: 'not of its schema' },
    { what: 'an event', text: textOf(anAcceptedEvent(item)), reason: 'not of its schema' },
  ])('reports a text that is $what as unreadable', ({ text, reason }) => {
    expect(readInferenceMessage(text)).toEqual({ kind: 'unreadable', reason })
  })
})

describe('readAnyMessage', () => {
  it('reads events and inference messages, with the fields of a newer version', () => {
    for (const value of [message, anAcceptedEvent(item), anOutcome(item)]) {
      const newer = { ...JSON.parse(textOf(value)), more: 1 }
      expect(readAnyMessage(textOf(newer))).toEqual({ kind: 'message', message: newer })
    }
  })

  it('reports an event of an unknown type as one that only a newer collector can read', () => {
    const event = { ...anAcceptedEvent(item), type: 'paused' }
    expect(readAnyMessage(textOf(event))).toEqual({ kind: 'unknown type', type: 'paused', version: 1 })
  })
})

describe('the stored message of a dead letter', () => {
  it('is read with the fields of a newer version', () => {
    expect(keptMessage({ ...message, more: 1 })).toEqual({ ...message, more: 1 })
    const input = { queue: 'q', message_id: 'm', body: { inline: 'x' }, more: 1 }
    const refusal = { error: 'e', status: 'error', code: 'c' }
    expect(keptInput({ ...input, refusal })).toEqual({ ...input, refusal })
  })

  it('is read as undefined if it is neither an inference message nor a message of an input queue', () => {
    expect([keptMessage({ text: 'x' }), keptInput({ text: 'x' }), keptInput(null)]).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })
})
