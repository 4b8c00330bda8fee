import { describe, expect, it } from 'vitest'
import { toAsciiJson } from '../../../../functions/core/domain/text.ts'
import { Defect } from '../../../../functions/core/platform/unavailable.ts'
import { RESULTS_QUEUE } from '../../../../functions/core/queue/names.ts'
import { MAX_INLINE_BYTES } from '../../../../functions/core/stores/payloads/port.ts'
import { takeInput } from '../../../../functions/intake/take-input.ts'
import { NOW } from '../../../support/clock.ts'
import { TEXT_QUEUE, usedBy } from '../../../support/gateway.ts'
import { anInput, anIntake } from '../../../support/intake.ts'

const ONE = { requests: 1, tokens: 4, open: 1 }
const NOTHING = { requests: 0, tokens: 0, open: 0 }
const HOUR = 3_600_000

describe('takeInput: a message that is admitted', () => {
  it('becomes a request of its user, as a POST does', async () => {
    const { ports, reported } = anIntake()
    const input = anInput({ metadata: { tag: 'x' } })

    const taken = await takeInput(ports, input)

    const { user_id } = input
    expect(taken).toMatchObject({ item: { user_id, status: 'queued', model: 'text', metadata: { tag: 'x' } } })
    expect(await usedBy(ports, user_id)).toEqual(ONE)
    expect(ports.queue.sent(TEXT_QUEUE)).toMatchObject([
      { group: user_id, body: { user_id, body: { inline: { prompt: 'hello', priority: 'normal' } } } },
    ])
    expect(ports.queue.sent(RESULTS_QUEUE)).toEqual([])
    expect(reported()).toEqual([])
  })

  it('a message is passed to the model without the field `user_id`', async () => {
    const { ports } = anIntake()

    await takeInput(ports, anInput())

    expect(ports.queue.sent(TEXT_QUEUE).map(({ body }) => body)).toEqual([
      expect.objectContaining({ body: { inline: { prompt: 'hello', priority: 'normal' } } }),
    ])
  })

  it('a message is routed like a posted request', async () => {
    const { ports } = anIntake()

    expect(await takeInput(ports, anInput({ model_type: 'image' }))).toMatchObject({ item: { model: 'image' } })
  })

  it('a message is admitted by the plan and the limits of its user', async () => {
    const { ports, setUser } = anIntake()
    const [high, limited] = [anInput({ priority: 'high' }), anInput()]
    setUser(high.user_id, 'pro')
    setUser(limited.user_id, 'pro', { tokens: 4 })

    expect(await takeInput(ports, high)).toMatchObject({ item: { priority: 'high' } })
    expect(await takeInput(ports, limited)).toMatchObject({ refusal: { tokens: { limit: 4 } } })
  })
})

describe('takeInput: a refused message', () => {
  it('becomes a dead letter with the reason, and leaves no reservation, if its user is disabled (I6, I10)', async () => {
    const { ports, disableUser, reported } = anIntake()
    const input = anInput()
    disableUser(input.user_id, NOW)

    const taken = await takeInput(ports, input)

    expect(taken).toMatchObject({ refusal: { code: 'user_disabled' } })
    expect(reported()).toMatchObject([{ input: { message_id: input.message_id, refusal: { code: 'user_disabled' } } }])
    expect(ports.queue.sent(TEXT_QUEUE)).toEqual([])
    expect(await usedBy(ports, input.user_id)).toEqual(NOTHING)
  })

  it('a message whose user does not exist becomes a dead letter, stays refused, and is admitted only as a new message once the user exists', async () => {
    const { ports, removeUser, createUser, reported } = anIntake()
    const input = anInput()
    removeUser(input.user_id)

    const taken = await takeInput(ports, input)

    expect(taken).toMatchObject({ refusal: { status: 'error', code: 'unknown_user' } })
    expect(reported()).toMatchObject([{ input: { message_id: input.message_id, refusal: { code: 'unknown_user' } } }])
    expect(ports.queue.sent(TEXT_QUEUE)).toEqual([])
    expect(await usedBy(ports, input.user_id)).toEqual(NOTHING)

    createUser(input.user_id)
    expect(await takeInput(ports, input)).toMatchObject({ refusal: { code: 'unknown_user' } }) // The refusal is final.
    expect(await takeInput(ports, { ...input, message_id: 'sent again' })).toMatchObject({ item: { status: 'queued' } })
  })

  it('a message that the quota refuses becomes a dead letter with the body of a 429 answer, and leaves no reservation (I6, I10)', async () => {
    const { ports, setUser, reported } = anIntake()
    const first = anInput()
    setUser(first.user_id, 'free', { requests: 1 })
    await takeInput(ports, first)
    const second = anInput({ user_id: first.user_id })

    await takeInput(ports, second)

    expect(reported()).toEqual([
      {
        v: 1,
        type: 'refused',
        input: {
          queue: 'nightly',
          message_id: second.message_id,
          body: { inline: second.text },
          refusal: {
            error: 'request quota exceeded',
            status: 'error',
            code: 'quota_exceeded',
            limit: 'requests',
            requests: { used: 1, limit: 1 },
            tokens: { used: 4, limit: 1_000, estimated: 4 },
            in_flight: { used: 1, limit: 2 },
          },
        },
        at: NOW,
      },
    ])
    expect(await usedBy(ports, first.user_id)).toEqual(ONE)
  })

  it.each([
    ['not JSON', 'hello', 'invalid_request'],
    ['without a user', '{"prompt":"p"}', 'invalid_request'],
    ['for an unknown model', { model: 'gone' }, 'unknown_model'],
    ['of a priority that the plan of its user does not allow', { priority: 'high' }, 'priority_not_allowed'],
  ])('a message becomes a dead letter if it is %s', async (_, body, code) => {
    const { ports, reported } = anIntake()
    const input = anInput(body)

    expect(await takeInput(ports, input)).toMatchObject({ refusal: { code } })

    expect(reported()).toMatchObject([{ input: { body: { inline: input.text }, refusal: { status: 'error', code } } }])
    expect(await usedBy(ports, input.user_id)).toEqual(NOTHING)
  })

  it.each([
    ['named', { model: 'image' }],
    ['routed to', { model_type: 'image' }],
  ])(
    'a message is refused if the plan of its user does not allow the model (%s), whatever the field `plan` of the message says',
    async (_, body) => {
      const { ports, setUser } = anIntake()
      const input = anInput({ ...body, plan: 'pro' })
      setUser(input.user_id, 'texts')

      expect(await takeInput(ports, input)).toMatchObject({ refusal: { code: 'model_not_allowed' } })
    },
  )

  it('a refused message stays refused with the same dead letter at a redelivery, even if the plan of its user would allow it now', async () => {
    const { ports, setUser, reported } = anIntake()
    const input = anInput()
    setUser(input.user_id, 'free', { tokens: 1 })
    await takeInput(ports, input)
    setUser(input.user_id, 'pro')
    ports.advance(13 * 24 * HOUR)

    await takeInput(ports, input)

    expect(reported().map(({ input }) => input)).toEqual(Array(2).fill(reported()[0]?.input))
    expect(await usedBy(ports, input.user_id)).toEqual(NOTHING)
    expect(ports.queue.sent(TEXT_QUEUE)).toEqual([])
  })

  it('a refused message is stored in the payload store if it is large', async () => {
    const { ports, reported } = anIntake()
    const input = anInput('x'.repeat(MAX_INLINE_BYTES))

    await takeInput(ports, input)

    const key = `inputs/nightly/${input.message_id}.json`
    expect(reported()).toMatchObject([{ input: { body: { key } } }])
    expect(await ports.payloads.get(key)).toBe(input.text)
  })

  it.each([
    ['names a model of a megabyte', { model: 'm'.repeat(1_000_000) }],
    ['has a field name of a megabyte, and a character that no store accepts', { ['n'.repeat(1_000_000)]: 'a\u0000' }],
  ])('the `refused` event fits into a message of the queue, even if the refused message %s', async (_, body) => {
    const { ports, reported } = anIntake()

    await takeInput(ports, anInput(body))

    expect(reported()).toHaveLength(1)
    expect(toAsciiJson(reported()[0]).length).toBeLessThan(10_000)
  })

  it.each(['', 'x'])(
    'the error text of a refused message is well-formed Unicode, even if it is cut within a character (after %j)',
    async start => {
      const { ports, reported } = anIntake()

      await takeInput(ports, anInput({ model: `${start}${'😀'.repeat(250_000)}` }))

      const [sentence = ''] = reported().map(({ input }) => input.refusal.error)
      expect(sentence).toMatch(/…$/)
      expect(sentence.isWellFormed()).toBe(true)
    },
  )

  it('a message is not refused because of a defect in a call of a store: it is redelivered, and admitted once the defect is corrected', async () => {
    const { ports, reported } = anIntake()
    const denied = () => Promise.reject(new Defect('the users table', new Error('AccessDenied')))

    await expect(takeInput({ ...ports, users: { user: denied } }, anInput())).rejects.toThrow(Defect)
    expect(await takeInput(ports, anInput())).toHaveProperty('item')

    expect(reported()).toEqual([])
  })

  it('a message whose admission meets a bug of Sluice becomes a dead letter with internal_error, and the bug is logged', async () => {
    const { ports, reported } = anIntake()
    const broken = { ...ports, route: () => Promise.reject(new TypeError('a bug')) }

    await takeInput(broken, anInput())

    expect(reported()).toMatchObject([{ input: { refusal: { code: 'internal_error' } } }])
    expect(ports.logger.error).toHaveBeenCalledWith(expect.any(String), expect.any(TypeError))
  })
})

describe('takeInput: a message from the dead-letter queue of its input queue', () => {
  it('becomes a dead letter', async () => {
    const { ports, reported } = anIntake()

    await takeInput(ports, anInput({}, { given_up: true }))

    expect(reported()).toMatchObject([{ input: { queue: 'nightly', refusal: { code: 'unavailable' } } }])
  })

  it('is dropped if an earlier delivery has admitted it', async () => {
    const { ports, reported } = anIntake()
    const input = anInput()
    await takeInput(ports, input)

    expect(await takeInput(ports, { ...input, given_up: true })).toHaveProperty('item')
    expect(reported()).toEqual([])
    expect(await usedBy(ports, input.user_id)).toEqual(ONE)
  })
})
