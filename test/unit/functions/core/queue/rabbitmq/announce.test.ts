import { expect, it } from 'vitest'
import { rabbitMqAnnouncer } from '../../../../../../functions/core/queue/rabbitmq/announce.ts'
import type { Publication } from '../../../../../../functions/core/queue/rabbitmq/link.ts'

const ended = { request_id: 'r', user_id: 'u42', model: 'text', status: 'completed', estimated_tokens: 4 } as const

async function announced(result: unknown): Promise<Record<string, unknown>> {
  const published: Publication[] = []
  await rabbitMqAnnouncer(async publication => void published.push(publication))({ ...ended, result })
  return JSON.parse(String(published[0]?.content))
}

it('the message that announces the end of a request has the result, unless the result is too large for a message of the broker', async () => {
  expect(await announced('short')).toEqual({ ...ended, result: 'short' })
  expect(await announced('x'.repeat(2 * 1024 * 1024))).toEqual({ ...ended, result_omitted: true })
})
