import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { isFingerprintOf } from '../../functions/core/admission/fingerprint.ts'
import { readAnyMessage, readInferenceMessage } from '../../functions/core/domain/messages.ts'
import { readModelState, toStored, UNTOUCHED } from '../../functions/core/flow-control/state.ts'
import { parseBody } from '../../functions/core/inference-api/body.ts'
import { StoredKey, StoredUser } from '../../functions/core/stores/access/port.ts'
import { keyOf, toCounters } from '../../functions/core/stores/quota/item.ts'
import { toItem } from '../../functions/core/stores/requests/table.ts'
import { NOW } from '../support/clock.ts'
import access from './fixtures/access.json' with { type: 'json' }
import fingerprints from './fixtures/fingerprints.json' with { type: 'json' }
import items from './fixtures/items.json' with { type: 'json' }
import messages from './fixtures/messages.json' with { type: 'json' }
import * as old from './schemas-0.1.0.ts'
import { isRequest, readAs010, type StoredItem, type StoredThing } from './version-0.1.0.ts'
import { everythingWritten } from './written.ts'

const itemsOf = (table: string): StoredItem[] => [...items, ...access].filter(stored => stored.table === table)

describe('this version reads the data that version 0.1.0 has written:', () => {
  it.each(messages)('the message $message.type $message.status of the queue $queue', ({ message }) => {
    expect(readAnyMessage(JSON.stringify(message))).toEqual({
      kind: 'message',
      message: old.AnyMessage.parse(message),
    })
  })

  it('the inference messages, by the reader that a worker uses', () => {
    for (const { message } of messages.filter(({ message: { type } }) => type === 'inference'))
      expect(readInferenceMessage(JSON.stringify(message))).toMatchObject({ kind: 'message', message })
  })

  it.each(itemsOf('requests').filter(isRequest))(
    'this version reads a request item of version 0.1.0 that is $item.status',
    stored => {
      expect(toItem(stored.item)).toEqual(readAs010(stored))
    },
  )

  it.each(itemsOf('models'))(
    'this version reads the state of a model that version 0.1.0 has written, in its version $item.version',
    stored => {
      const { model: _, ...state } = stored.item
      expect(toStored(readModelState(state))).toEqual(readAs010(stored))
    },
  )

  it.each(itemsOf('keys'))('this version reads the API key $item.key_id that version 0.1.0 has stored', stored => {
    expect(StoredKey.parse(stored.item)).toEqual(readAs010(stored))
  })

  it.each(itemsOf('users'))('this version reads the user $item.user_id that version 0.1.0 has stored', stored => {
    expect(StoredUser.parse(stored.item)).toEqual(readAs010(stored))
  })

  it.each(itemsOf('quota'))('this version reads a quota item of version 0.1.0', ({ item }) => {
    const { requests, tokens, open } = toCounters(item, keyOf(item))
    const entries = open.map(({ reservation: r, at }) => [
      `${r.request_id}:${r.run}`,
      [r.estimate, at, r.nonce, r.holds_request ? 1 : 0],
    ])
    expect({ requests, tokens, open: Object.fromEntries(entries) }).toEqual({
      requests: item.requests,
      tokens: item.tokens,
      open: item.open,
    })
  })

  it.each(fingerprints)(
    'this version recognizes the body $body by the fingerprint that version 0.1.0 has stored with an idempotency key',
    ({ body, fingerprint }) => {
      expect(isFingerprintOf(fingerprint, parseBody(body))).toBe(true)
    },
  )
})

describe('version 0.1.0 reads', () => {
  it('the requests, models, events and messages that this version writes in histories of the simulation', async () => {
    const written = await everythingWritten(40)
    const refused = written.filter(one => !isReadBy010(one))

    expect(refused.filter(one => !isTooNewFor010(one))).toEqual([])
    expect(written.length - refused.length).toBeGreaterThan(100)
  })
})

it('this version stores the users of failed calls and of an open circuit as negative times; version 0.1.0 reads these as failures of long ago, and still reads the real ones', () => {
  const state = { ...UNTOUCHED, version: 1, writer: 'w', failures: [NOW, NOW + 1], failed_by: [84, 0] }
  const open = { ...UNTOUCHED, version: 2, writer: 'w', open: { until: NOW, times: 1 }, open_for: [42, 7] }

  expect(old.GuardState.parse(JSON.parse(JSON.stringify(toStored(state)))).failures).toEqual([NOW, -84, NOW + 1])
  expect(old.GuardState.parse(JSON.parse(JSON.stringify(toStored(open)))).failures).toEqual([-42, -7])
  for (const one of [state, open]) expect(readModelState(toStored(one))).toEqual(one)
})

const NewOutcome = z.object({
  type: z.literal('outcome'),
  charge_at_least: z.int().optional(),
})

/**
 * Whether a message or item has a field that version 0.1.0 does not know, because a newer feature wrote it. These are:
 * - an outcome with a least charge, for a model that ignores `max_tokens` and reports no usage;
 * - the state of a model that is halted, gets probes in a long pause, has refused a call with 403, or has concurrency 1;
 * - the item of a request that its owner has deleted.
 */
function isTooNewFor010(stored: StoredThing): boolean {
  if (stored.table === 'models')
    return ['halted', 'tried_until', 'refused_by', 'leases'].some(field => stored.item[field] !== undefined)
  if (stored.table === 'requests') return stored.item.erased === true
  const { data } = NewOutcome.safeParse('message' in stored ? stored.message : undefined)
  return data?.charge_at_least !== undefined
}

function isReadBy010(stored: StoredThing): boolean {
  try {
    readAs010(stored)
    return true
  } catch {
    return false
  }
}
