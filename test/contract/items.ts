import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClaimTerms, Decision, RequestItems } from '../../functions/items/port.ts'
import type { RequestItem, Status } from '../../functions/requests/item.ts'
import { NOW } from '../support/clock.ts'
import { aMessage, anItem } from '../support/requests.ts'

export interface ItemsEngine {
  readonly items: RequestItems
  close(): Promise<void>
}

const TERMS: ClaimTerms = { claim_id: 'claim-1', now: NOW + 1_000, lease_until: NOW + 61_000 }
const USAGE = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 }

/** An item in each state that there is, as its transitions leave it. */
const STATES: readonly { readonly state: string; readonly item: Partial<RequestItem> & { status: Status } }[] = [
  { state: 'queued', item: { status: 'queued' } },
  { state: 'queued for a retry', item: { status: 'queued', attempt: 1, not_before: NOW, started_at: NOW } },
  { state: 'running', item: { status: 'running', attempt: 1, started_at: NOW, lease_until: NOW + 60_000 } },
  { state: 'abandoned', item: { status: 'running', attempt: 1, started_at: NOW, lease_until: NOW } },
  { state: 'completed', item: { status: 'completed', attempt: 1, completed_at: NOW, usage: USAGE, charge: 7 } },
  {
    state: 'failed',
    item: { status: 'failed', attempt: 1, completed_at: NOW, charge: 0, error: { code: 'model_error', message: 'm' } },
  },
  { state: 'cancelled', item: { status: 'cancelled', completed_at: NOW } },
  { state: 'expired', item: { status: 'expired', completed_at: NOW } },
  { state: 'rejected', item: { status: 'rejected', completed_at: NOW } },
]
const statesBut = (...names: string[]) => STATES.filter(({ state }) => !names.includes(state))

/** Metadata that JSON may hold and a store may find hard. */
const METADATA: readonly { readonly what: string; readonly metadata: Record<string, unknown> }[] = [
  { what: 'empty texts and names', metadata: { '': '', a: { '': [''] } } },
  { what: 'nothing at all', metadata: {} },
  { what: 'large and small numbers', metadata: { a: 1e300, b: 5e-324, c: -1e300, d: 0.1, e: 2 ** 53 + 2 } },
  { what: 'null, true and lists', metadata: { a: null, b: true, c: [[], {}, [null]] } },
  { what: 'deep nesting', metadata: { a: nested(98) } },
  { what: 'all of Unicode', metadata: { '\u{1f600}': 'é\uffff\u{10ffff}\u0001\u007f\u2028' } },
  { what: 'names of our own', metadata: { status: 'completed', claim_id: 'x', ttl: 1, constructor: 'y' } },
  { what: '16 KiB', metadata: { text: 'x'.repeat(16_000) } },
]

/** What every store of request items keeps (design.md §4: the item decides). */
export function describeItemsContract(name: string, makeEngine: () => Promise<ItemsEngine>): void {
  let engine: ItemsEngine
  let items: RequestItems
  beforeAll(async () => {
    engine = await makeEngine()
    items = engine.items
  })
  afterAll(() => engine.close())

  const given = (fields: Partial<RequestItem> = {}) => items.create(anItem(fields))
  const stored = ({ user_id, request_id }: RequestItem) => items.get(user_id, request_id)
  const decisionOf = (item: RequestItem, fields: Partial<Decision> = {}): Decision => ({
    user_id: item.user_id,
    request_id: item.request_id,
    run: item.run,
    attempt: item.attempt,
    status: 'completed',
    completed_at: NOW + 9_000,
    usage: USAGE,
    charge: 7,
    ...fields,
  })

  describe(`items on ${name}: get and create`, () => {
    it('knows nothing of a request that never was, nor of one that is another user’s (I11)', async () => {
      const item = await given()

      expect(await items.get('another', item.request_id)).toBeUndefined()
      expect(await items.get(item.user_id, anItem().request_id)).toBeUndefined()
    })

    it.each(STATES)('gives an item that is $state back as it was written', async ({ item: fields }) => {
      const item = anItem(fields)

      const created = await items.create(item)

      expect(created).toEqual(item)
      expect(await stored(item)).toEqual(item)
    })

    it.each(STATES)('leaves one that is $state as it is when it is created again', async ({ item: fields }) => {
      const first = await given(fields)

      const again = await items.create({ ...anItem(), request_id: first.request_id, nonce: 'nonce-2' })

      expect(again).toEqual(first)
      expect(await stored(first)).toEqual(first)
    })

    it('creates one of many at once, and tells all of them which', async () => {
      const item = anItem()
      const rivals = Array.from({ length: 10 }, (_, i) => ({ ...item, nonce: `nonce-${i}` }))

      const answers = await Promise.all(rivals.map(rival => items.create(rival)))

      expect(new Set(answers.map(({ nonce }) => nonce)).size).toBe(1)
      expect(await stored(item)).toEqual(answers[0])
    })
  })

  describe(`items on ${name}: metadata`, () => {
    it.each(METADATA)('keeps $what', async ({ metadata }) => {
      const item = await given({ metadata })

      expect(item.metadata).toEqual(metadata)
      expect((await stored(item))?.metadata).toEqual(metadata)
      const claimed = await items.claim(aMessage(item), TERMS)
      expect(claimed).toMatchObject({ claimed: true })
      expect(claimed.item?.metadata).toEqual(metadata)
    })

    it('keeps any JSON object', async () => {
      const aJsonObject = fc.dictionary(
        fc.string({ unit: 'binary' }).filter(key => key !== '__proto__'),
        fc.jsonValue({ stringUnit: 'binary' }),
      )
      await fc.assert(
        fc.asyncProperty(aJsonObject, async object => {
          const metadata = JSON.parse(JSON.stringify(object))

          const item = await given({ metadata })

          expect(JSON.stringify((await stored(item))?.metadata)).toBe(JSON.stringify(metadata))
        }),
        { numRuns: 30 },
      )
    })
  })

  describe(`items on ${name}: claim`, () => {
    it('starts a queued request', async () => {
      const item = await given()

      const claim = await items.claim(aMessage(item), TERMS)

      const started = { ...item, status: 'running', attempt: 1, lease_until: TERMS.lease_until, started_at: TERMS.now }
      expect(claim).toEqual({ claimed: true, item: started })
      expect(await stored(item)).toEqual(started)
    })

    it('starts a retry whose backoff has passed, and leaves its first start as it was', async () => {
      const item = await given({ attempt: 1, started_at: NOW - 5_000, not_before: TERMS.now })

      const claim = await items.claim(aMessage(item), TERMS)

      expect(claim).toMatchObject({ claimed: true, item: { attempt: 2, started_at: NOW - 5_000 } })
      expect(claim.item?.not_before).toBeUndefined()
    })

    it('finds no item where there is none', async () => {
      expect(await items.claim(aMessage(anItem()), TERMS)).toEqual({ claimed: false, item: undefined })
    })

    it.each(statesBut('queued', 'queued for a retry'))(
      'leaves one that is $state as it is',
      async ({ item: fields }) => {
        const item = await given(fields)

        expect(await items.claim(aMessage(item), TERMS)).toEqual({ claimed: false, item })
        expect(await stored(item)).toEqual(item)
      },
    )

    it.each([
      { what: 'whose message is of another run', item: {}, message: { run: 2 } },
      { what: 'whose message is of another body', item: {}, message: { fingerprint: 'e'.repeat(64) } },
      { what: 'whose backoff has not passed', item: { not_before: TERMS.now + 1 }, message: {} },
      { what: 'whose deadline is now', item: { deadline: TERMS.now }, message: {} },
    ])('leaves a queued one as it is, $what', async ({ item: fields, message }) => {
      const item = await given(fields)

      expect(await items.claim({ ...aMessage(item), ...message }, TERMS)).toEqual({ claimed: false, item })
      expect(await stored(item)).toEqual(item)
    })

    it('is the same claim when it is repeated because its answer was lost', async () => {
      const item = await given()
      const first = await items.claim(aMessage(item), TERMS)

      const again = await items.claim(aMessage(item), TERMS)

      expect(again).toEqual(first)
      expect((await stored(item))?.attempt).toBe(1)
    })

    it('is not the claim of another worker', async () => {
      const item = await given()
      await items.claim(aMessage(item), TERMS)

      expect(await items.claim(aMessage(item), { ...TERMS, claim_id: 'claim-2' })).toMatchObject({ claimed: false })
    })

    it('lets one of many workers have it', async () => {
      const item = await given()

      const claims = await Promise.all(
        Array.from({ length: 10 }, (_, i) => items.claim(aMessage(item), { ...TERMS, claim_id: `claim-${i}` })),
      )

      expect(claims.filter(({ claimed }) => claimed)).toHaveLength(1)
      expect((await stored(item))?.attempt).toBe(1)
    })

    it('is over once the request has ended: repeated, it claims nothing', async () => {
      const item = await given()
      await items.claim(aMessage(item), TERMS)
      await items.decide(decisionOf({ ...item, attempt: 1 }))

      expect(await items.claim(aMessage(item), TERMS)).toMatchObject({ claimed: false, item: { status: 'completed' } })
    })
  })

  describe(`items on ${name}: reclaim`, () => {
    const abandoned = { status: 'running', attempt: 1, started_at: NOW, lease_until: TERMS.now } as const

    it('starts anew what a worker has left, from the moment its lease ends, and counts a crash', async () => {
      const item = await given(abandoned)

      const claim = await items.reclaim(item, TERMS)

      const expected = { ...item, attempt: 2, crashes: 1, lease_until: TERMS.lease_until }
      expect(claim).toEqual({ claimed: true, item: expected })
      expect(await stored(item)).toEqual(expected)
    })

    it('leaves a live lease alone', async () => {
      const item = await given({ ...abandoned, lease_until: TERMS.now + 1 })

      expect(await items.reclaim(item, TERMS)).toEqual({ claimed: false, item })
    })

    it.each(statesBut('abandoned'))('leaves one that is $state as it is', async ({ item: fields }) => {
      const item = await given(fields)

      expect(await items.reclaim(item, TERMS)).toEqual({ claimed: false, item })
      expect(await stored(item)).toEqual(item)
    })

    it.each([{ attempt: 2 }, { run: 2 }])('leaves one alone that is no longer as it was seen (now %j)', async now => {
      const item = await given({ ...abandoned, ...now })

      expect(await items.reclaim({ ...item, attempt: 1, run: 1 }, TERMS)).toEqual({ claimed: false, item })
    })

    it('is the same claim when it is repeated because its answer was lost', async () => {
      const item = await given(abandoned)
      const first = await items.reclaim(item, TERMS)

      expect(await items.reclaim(item, TERMS)).toEqual(first)
      expect((await stored(item))?.crashes).toBe(1)
    })

    it('finds no item where there is none', async () => {
      expect(await items.reclaim(anItem(abandoned), TERMS)).toEqual({ claimed: false, item: undefined })
    })
  })

  describe(`items on ${name}: expire`, () => {
    it('expires a queued request once its deadline has come, at no charge', async () => {
      const item = await given({ deadline: NOW + 5 })

      const expired = await items.expire(item, NOW + 5)

      expect(expired).toEqual({ ...item, status: 'expired', completed_at: NOW + 5 })
      expect(await stored(item)).toEqual(expired)
    })

    it('settles one that was attempted: the model was reached', async () => {
      const item = await given({ deadline: NOW, attempt: 1, not_before: NOW + 9 })

      const expired = await items.expire(item, NOW)

      expect(expired).toMatchObject({ status: 'expired', charge: 0 })
      expect(expired?.not_before).toBeUndefined()
    })

    it('leaves one alone whose deadline has not come', async () => {
      const item = await given({ deadline: NOW + 5 })

      expect(await items.expire(item, NOW + 4)).toBeUndefined()
      expect(await stored(item)).toEqual(item)
    })

    it.each(statesBut('queued', 'queued for a retry', 'expired'))(
      'leaves one that is $state as it is',
      async ({ item: fields }) => {
        const item = await given({ ...fields, deadline: NOW })

        expect(await items.expire(item, NOW)).toBeUndefined()
        expect(await stored(item)).toEqual(item)
      },
    )

    it('answers a repetition with what the first time left', async () => {
      const item = await given({ deadline: NOW })
      const first = await items.expire(item, NOW)

      expect(await items.expire(item, NOW + 1_000)).toEqual(first)
    })

    it.each([{ attempt: 1 }, { run: 2 }])('leaves one alone that is no longer as it was seen (now %j)', async now => {
      const item = await given({ deadline: NOW, ...now })

      expect(await items.expire({ ...item, attempt: 0, run: 1 }, NOW)).toBeUndefined()
      expect(await stored(item)).toEqual(item)
    })

    it('finds nothing where there is no item', async () => {
      expect(await items.expire(anItem({ deadline: NOW }), NOW)).toBeUndefined()
    })
  })

  describe(`items on ${name}: decide`, () => {
    const running = { status: 'running', attempt: 1, started_at: NOW, lease_until: NOW + 60_000 } as const
    const failure = { status: 'failed', usage: undefined, error: { code: 'model_error', message: 'm' } } as const

    it('completes a running request, and takes its lease away', async () => {
      const item = await given(running)

      const decided = await items.decide(decisionOf(item))

      const { lease_until: _, ...rest } = item
      expect(decided).toEqual({ ...rest, status: 'completed', completed_at: NOW + 9_000, usage: USAGE, charge: 7 })
      expect(await stored(item)).toEqual(decided)
    })

    it('fails a running request with its error, and without a charge if the model was not reached', async () => {
      const item = await given(running)

      const decided = await items.decide(decisionOf(item, { ...failure, charge: undefined }))

      expect(decided).toMatchObject({ status: 'failed', error: failure.error })
      expect(decided).not.toHaveProperty('charge')
      expect(decided).not.toHaveProperty('usage')
    })

    it.each([decisionOf(anItem()), decisionOf(anItem(), failure)])(
      'answers the same decision again with the item as it was decided ($status)',
      async ({ status, usage, error }) => {
        const item = await given(running)
        const decision = decisionOf(item, { status, usage, error })
        const first = await items.decide(decision)

        const again = await items.decide({ ...decision, completed_at: NOW + 99_000, charge: 999 })

        expect(again).toEqual(first)
        expect(await stored(item)).toEqual(first)
      },
    )

    it('does not let a failure undo a success, nor a success a failure (I2)', async () => {
      const completed = await given(running)
      const failed = await given(running)
      await items.decide(decisionOf(completed))
      await items.decide(decisionOf(failed, failure))

      expect(await items.decide(decisionOf(completed, failure))).toBeUndefined()
      expect(await items.decide(decisionOf(failed))).toBeUndefined()
      expect((await stored(completed))?.status).toBe('completed')
      expect((await stored(failed))?.status).toBe('failed')
    })

    it.each([
      { what: 'a stale attempt', stale: { attempt: 1 } },
      { what: 'an attempt that never was', stale: { attempt: 3 } },
      { what: 'an earlier run', stale: { run: 1 } },
    ])('does not count an outcome of $what (I7)', async ({ stale }) => {
      const item = await given({ ...running, attempt: 2, run: 2 })

      expect(await items.decide(decisionOf(item, stale))).toBeUndefined()
      expect(await stored(item)).toEqual(item)
    })

    it.each(statesBut('running', 'abandoned', 'completed'))(
      'does not complete one that is $state',
      async ({ item: fields }) => {
        const item = await given({ attempt: 1, ...fields })

        expect(await items.decide(decisionOf(item))).toBeUndefined()
        expect(await stored(item)).toEqual(item)
      },
    )

    it('still takes the outcome of a lease that has just ended, while nobody has claimed it anew', async () => {
      const item = await given({ ...running, lease_until: NOW - 1 })

      expect(await items.decide(decisionOf(item))).toMatchObject({ status: 'completed' })
    })

    it('finds nothing where there is no item', async () => {
      expect(await items.decide(decisionOf(anItem({ attempt: 1 })))).toBeUndefined()
    })

    it.each(['\u{1f600} \uffff', 'x'.repeat(2_000), ''])('keeps an error’s text (%#)', async message => {
      const item = await given(running)

      const decided = await items.decide(
        decisionOf(item, { status: 'failed', error: { code: 'model_error', message } }),
      )

      expect(decided?.error?.message).toBe(message)
    })
  })

  describe(`items on ${name}: reject`, () => {
    const tombstoneOf = (item: RequestItem): RequestItem => ({ ...item, status: 'rejected', completed_at: NOW })

    it('writes a tombstone where there is no item', async () => {
      const tombstone = tombstoneOf(anItem())

      expect(await items.reject(tombstone)).toEqual(tombstone)
      expect(await stored(tombstone)).toEqual(tombstone)
    })

    it('takes back a request that was never attempted', async () => {
      const item = await given()

      expect(await items.reject(tombstoneOf(item))).toEqual(tombstoneOf(item))
      expect(await stored(item)).toEqual(tombstoneOf(item))
    })

    it.each(statesBut('queued'))('leaves one that is $state as it is', async ({ item: fields }) => {
      const item = await given(fields)

      expect(await items.reject(tombstoneOf(item))).toEqual(item)
      expect(await stored(item)).toEqual(item)
    })

    it('leaves a later run alone', async () => {
      const item = await given({ run: 2 })

      expect(await items.reject(tombstoneOf({ ...item, run: 1 }))).toEqual(item)
    })

    it('answers a repetition with the tombstone of the first time', async () => {
      const item = await given()
      await items.reject(tombstoneOf(item))

      expect(await items.reject({ ...tombstoneOf(item), completed_at: NOW + 1 })).toEqual(tombstoneOf(item))
    })

    it('keeps a late creation from bringing the request back', async () => {
      const item = anItem()
      await items.reject(tombstoneOf(item))

      expect(await items.create(item)).toEqual(tombstoneOf(item))
    })
  })
}

function nested(depth: number): unknown {
  return depth === 0 ? 'end' : [nested(depth - 1)]
}
