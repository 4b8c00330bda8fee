import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Refusal } from '../../functions/core/domain/errors.ts'
import { INPUT_REMEMBERED_MS, type InputKeys } from '../../functions/core/stores/idempotency/port.ts'
import { NOW } from '../support/clock.ts'
import { newRequestId, newUser } from '../support/requests.ts'

export interface InputKeysEngine {
  readonly inputs: InputKeys
  close(): Promise<void>
}

const REFUSAL: Refusal = {
  error: 'request quota exceeded',
  status: 'error',
  code: 'quota_exceeded',
  requests: { used: 3, limit: 3 },
}
const OTHER: Refusal = { error: 'other', status: 'error', code: 'unavailable' }
const MESSAGE = 'nightly/m-1'

/** Checks the store that remembers for each message of an input queue its request, and whether it was admitted or refused. */
export function describeInputKeysContract(name: string, makeEngine: () => Promise<InputKeysEngine>): void {
  let engine: InputKeysEngine
  let inputs: InputKeys
  beforeAll(async () => {
    engine = await makeEngine()
    inputs = engine.inputs
  })
  afterAll(() => engine.close())

  const bound = async (user = newUser()) => {
    const id = newRequestId()
    await inputs.bind(user, MESSAGE, id, NOW)
    return { user, id }
  }

  describe(`the stored messages of input queues on ${name}`, () => {
    it('a message of an input queue stays bound to its first request if a second call binds another request', async () => {
      const { user, id } = await bound()

      expect(await inputs.bind(user, MESSAGE, newRequestId(), NOW + 1)).toEqual({ request_id: id })
    })

    it('if 20 parallel calls bind a message of an input queue to different requests, it is bound to one of them, and each call gets this request as its answer', async () => {
      const user = newUser()

      const answers = await Promise.all(
        Array.from({ length: 20 }, () => inputs.bind(user, MESSAGE, newRequestId(), NOW)),
      )

      expect(new Set(answers.map(answer => JSON.stringify(answer))).size).toBe(1)
    })

    it('messages of input queues are bound separately if their users or their names differ', async () => {
      const { user } = await bound()
      const [other, another] = [newRequestId(), newRequestId()]

      expect(await inputs.bind(newUser(), MESSAGE, other, NOW)).toMatchObject({ request_id: other })
      expect(await inputs.bind(user, 'nightly/m-2', another, NOW)).toMatchObject({ request_id: another })
    })

    it('the request of a message is remembered for longer than the 14 days for which a queue keeps messages, by the clock of the caller', async () => {
      const { user, id } = await bound()
      const later = newRequestId()

      expect(await inputs.bind(user, MESSAGE, later, NOW + INPUT_REMEMBERED_MS - 1)).toMatchObject({ request_id: id })
      expect(await inputs.bind(user, MESSAGE, later, NOW + INPUT_REMEMBERED_MS)).toMatchObject({ request_id: later })
      expect(INPUT_REMEMBERED_MS).toBeGreaterThan(14 * 86_400_000)
    })

    it('only a caller that names the request to which a message is bound can bind the message to another request, so two callers never bind two new requests', async () => {
      const { user, id } = await bound()
      await inputs.admit(user, MESSAGE, id, NOW)
      const second = newRequestId()

      expect(await inputs.rebind(user, MESSAGE, id, second, NOW)).toEqual({ request_id: second })
      expect(await inputs.rebind(user, MESSAGE, id, newRequestId(), NOW)).toMatchObject({ request_id: second })
    })

    it('a message of an input queue can’t be refused once it is admitted', async () => {
      const { user, id } = await bound()

      expect(await inputs.admit(user, MESSAGE, id, NOW)).toEqual({ request_id: id })
      expect(await inputs.refuse(user, MESSAGE, id, REFUSAL, NOW)).toEqual({ request_id: id })
      expect(await inputs.admit(user, MESSAGE, id, NOW)).toEqual({ request_id: id })
    })

    it('a refused message of an input queue keeps its first refusal, and can then be neither admitted nor bound to another request', async () => {
      const { user, id } = await bound()

      expect(await inputs.refuse(user, MESSAGE, id, REFUSAL, NOW)).toEqual({ refusal: REFUSAL })
      expect(await inputs.refuse(user, MESSAGE, id, OTHER, NOW)).toEqual({ refusal: REFUSAL })
      expect(await inputs.admit(user, MESSAGE, id, NOW)).toEqual({ refusal: REFUSAL })
      expect(await inputs.rebind(user, MESSAGE, id, newRequestId(), NOW)).toEqual({ refusal: REFUSAL })
      expect(await inputs.bind(user, MESSAGE, newRequestId(), NOW)).toEqual({ refusal: REFUSAL })
    })

    it('a message is neither admitted nor refused by a caller that names a request to which the message is not bound any more', async () => {
      const { user, id } = await bound()
      const second = newRequestId()
      await inputs.rebind(user, MESSAGE, id, second, NOW)

      expect(await inputs.admit(user, MESSAGE, id, NOW)).toEqual({ request_id: second })
      expect(await inputs.refuse(user, MESSAGE, id, REFUSAL, NOW)).toEqual({ request_id: second })
      // The second request is bound, and the message is not admitted yet. So a refusal that names this request succeeds.
      expect(await inputs.refuse(user, MESSAGE, second, REFUSAL, NOW)).toEqual({ refusal: REFUSAL })
    })
  })
}
