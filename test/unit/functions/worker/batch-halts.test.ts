import { expect, it } from 'vitest'
import { createJudge } from '../../../../functions/core/inference/judge.ts'
import { aBatchWorker } from '../../../support/batch-worker.ts'
import { failure } from '../../../support/failures.ts'

const BROKEN = failure({ status: 500 })
const WRONG_KEY = failure({ status: 401, verdict: 'halt', reached: false })
const FORBIDDEN = failure({ status: 403, verdict: 'drop' })

/** What the requests of a batch of two have become. The whole batch gets `first`, and each of its requests alone gets 401. */
async function haltedInParts(first: typeof BROKEN) {
  const { invoke, messagesOf, ports, asked } = aBatchWorker(prompts => (prompts.length > 1 ? first : WRONG_KEY))
  const messages = await messagesOf(['a', 'b'])
  await invoke(messages, { ...ports, judge: createJudge({ ...ports.settings, has_secret: true }, ports.clock) })
  const items = await Promise.all(messages.map(({ user_id, request_id }) => ports.items.get(user_id, request_id)))
  return { items, calls: asked.length }
}

it('a request whose batch has reached the model before the model is halted costs a request, and no attempt', async () => {
  const { items, calls } = await haltedInParts(BROKEN)

  expect(calls).toBe(3)
  expect(items).toMatchObject([
    { status: 'queued', attempt: 0, reached: true },
    { status: 'queued', attempt: 0, reached: true },
  ])
})

it('a batch that is refused with 403 halts no model by one call, since one of its requests may be the cause', async () => {
  const rateLimit = { count: 1, interval_ms: 3_600_000 }
  const { invoke, messagesOf, modelStates, asked } = aBatchWorker(() => FORBIDDEN, { rate_limit: rateLimit })

  await invoke(await messagesOf(['a', 'b']))

  expect(asked).toHaveLength(1)
  const state = await modelStates.read('text')
  expect(state).toMatchObject({ refused_by: expect.any(Number) })
  expect(state?.halted).toBeUndefined()
})

it('a request whose batch was refused with 403, and the model is halted for it, costs nothing', async () => {
  const { items, calls } = await haltedInParts(FORBIDDEN)

  expect(calls).toBe(3)
  expect(items).toMatchObject([
    { status: 'queued', attempt: 0 },
    { status: 'queued', attempt: 0 },
  ])
  for (const item of items) expect(item).not.toHaveProperty('reached')
})
