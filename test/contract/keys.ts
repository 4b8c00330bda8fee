import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type IdempotencyKeys, REMEMBERED_MS } from '../../functions/core/stores/idempotency/port.ts'
import { NOW } from '../support/clock.ts'
import { newRequestId, newUser } from '../support/requests.ts'

export interface KeysEngine {
  readonly keys: IdempotencyKeys
  close(): Promise<void>
}

const aRequest = (fingerprint = 'f') => ({ request_id: newRequestId(), fingerprint })

/** Checks a store of idempotency keys (I5). */
export function describeKeysContract(name: string, makeEngine: () => Promise<KeysEngine>): void {
  let engine: KeysEngine
  let keys: IdempotencyKeys
  beforeAll(async () => {
    engine = await makeEngine()
    keys = engine.keys
  })
  afterAll(() => engine.close())

  describe(`idempotency keys on ${name}`, () => {
    it('an idempotency key stays bound to its first request if a second call binds another request', async () => {
      const user = newUser()
      const first = aRequest()

      expect(await keys.bind(user, 'k', first, NOW)).toEqual(first)
      expect(await keys.bind(user, 'k', aRequest('other'), NOW + 1)).toEqual(first)
    })

    it('if 20 parallel calls bind an idempotency key to different requests, it is bound to one of them, and each call gets this request as its answer', async () => {
      const user = newUser()

      const answers = await Promise.all(Array.from({ length: 20 }, () => keys.bind(user, 'k', aRequest(), NOW)))

      expect(new Set(answers.map(({ request_id }) => request_id)).size).toBe(1)
    })

    it('an idempotency key does not affect other keys of the same user, or the same key of another user', async () => {
      const [one, two] = [newUser(), newUser()]
      const [a, b, c] = [aRequest(), aRequest(), aRequest()]

      expect(await keys.bind(one, 'k', a, NOW)).toEqual(a)
      expect(await keys.bind(two, 'k', b, NOW)).toEqual(b)
      expect(await keys.bind(one, 'K', c, NOW)).toEqual(c)
    })

    it.each(['"8e03978e"', 'é\u{1f600}', ' ', '#', 'x'.repeat(255)])(
      'an idempotency key may be any text (%#)',
      async key => {
        const user = newUser()
        const first = aRequest()
        await keys.bind(user, key, first, NOW)

        expect(await keys.bind(user, key, aRequest(), NOW)).toEqual(first)
      },
    )

    it('the request of an idempotency key is remembered for 24 hours, by the clock of the caller', async () => {
      const user = newUser()
      const first = aRequest()
      const second = aRequest()
      await keys.bind(user, 'k', first, NOW)

      expect(await keys.bind(user, 'k', second, NOW + REMEMBERED_MS - 1)).toEqual(first)
      expect(await keys.bind(user, 'k', second, NOW + REMEMBERED_MS)).toEqual(second)
    })

    it('only a caller that names the request to which an idempotency key is bound can bind the key to another request, so two callers never bind two new requests', async () => {
      const user = newUser()
      const [first, second, third] = [aRequest(), aRequest(), aRequest()]
      await keys.bind(user, 'k', first, NOW)

      expect(await keys.rebind(user, 'k', first.request_id, second, NOW)).toEqual(second)
      expect(await keys.rebind(user, 'k', first.request_id, third, NOW)).toEqual(second)
    })
  })
}
