import { expect, it } from 'vitest'
import { createJudge } from '../../../../functions/core/inference/judge.ts'
import { aBatchWorker } from '../../../support/batch-worker.ts'
import { aRetry, failure } from '../../../support/failures.ts'
import { aMessage } from '../../../support/requests.ts'

const BROKEN = failure({ status: 500 })
const WRONG_KEY = failure({ status: 401, verdict: 'halt', reached: false })
const FORBIDDEN = failure({ status: 403, verdict: 'drop' })

/**
 * Runs a batch of two requests, and returns their items. The model answers `first` to the call of the whole batch, and 401 to a
 * call of one request.
 */
async function haltedInParts(first: typeof BROKEN) {
  const { invoke, messagesOf, ports, asked } = aBatchWorker(prompts => (prompts.length > 1 ? first : WRONG_KEY))
  const messages = await messagesOf(['a', 'b'])
  await invoke(messages, { ...ports, judge: createJudge({ ...ports.settings, has_secret: true }, ports.clock) })
  const items = await Promise.all(messages.map(({ user_id, request_id }) => ports.items.get(user_id, request_id)))
  return { items, calls: asked.length }
}

it('a request whose batch has reached the model before the model is halted counts as reached, i.e. will be charged, but loses no attempt', async () => {
  const { items, calls } = await haltedInParts(BROKEN)

  expect(calls).toBe(3)
  expect(items).toMatchObject([
    { status: 'queued', attempt: 0, reached: true },
    { status: 'queued', attempt: 0, reached: true },
  ])
})

it('one call of a batch that is refused with 403 does not halt the model, since a single request of the batch may be the cause', async () => {
  const rateLimit = { count: 1, interval_ms: 3_600_000 }
  const { invoke, messagesOf, modelStates, asked } = aBatchWorker(() => FORBIDDEN, { rate_limit: rateLimit })

  await invoke(await messagesOf(['a', 'b']))

  expect(asked).toHaveLength(1)
  const state = await modelStates.read('text')
  expect(state).toMatchObject({ refused_by: expect.any(Number) })
  expect(state?.halted).toBeUndefined()
})

it('if a model refuses a batch with 403 and is then halted, its requests lose no attempt, and do not count as reached, so this call causes no charge', async () => {
  const { items, calls } = await haltedInParts(FORBIDDEN)

  expect(calls).toBe(3)
  expect(items).toMatchObject([
    { status: 'queued', attempt: 0 },
    { status: 'queued', attempt: 0 },
  ])
  for (const item of items) expect(item).not.toHaveProperty('reached')
})

/**
 * Runs a batch whose elements get these statuses in the model’s answer. Each element belongs to another user. Returns the
 * model’s state and the request items.
 */
async function afterElements(statuses: readonly number[], settings: Parameters<typeof aBatchWorker>[1] = {}) {
  const { invoke, create, ports, modelStates } = aBatchWorker(
    () => ({ ok: true, answer: { outputs: statuses.map(code => ({ error: { code } })) } }),
    settings,
  )
  const messages = await Promise.all(statuses.map(async (_, i) => aMessage(await create({ user_id: `user-${i}` }))))
  await invoke(messages)
  const items = await Promise.all(messages.map(({ user_id, request_id }) => ports.items.get(user_id, request_id)))
  return { state: await modelStates.read('text'), items }
}

it('a batch whose elements of two users are all refused with 403 halts the model, and its requests do not count as reached, so this call causes no charge', async () => {
  const { state, items } = await afterElements([403, 403])

  expect(state?.halted).toMatchObject({ status: 403 })
  expect(items).toMatchObject([
    { status: 'queued', attempt: 0 },
    { status: 'queued', attempt: 0 },
  ])
  for (const item of items) expect(item).not.toHaveProperty('reached')
})

it.each([
  { what: 'one of them has another failure', statuses: [403, 400], settings: {} },
  { what: 'pipeline.yaml drops 403', statuses: [403, 403], settings: { retry: aRetry({ drop_on: [403] }) } },
])('a batch whose elements are refused with 403 does not halt the model if $what', async ({ statuses, settings }) => {
  const { state } = await afterElements(statuses, settings)

  expect(state?.halted).toBeUndefined()
})
