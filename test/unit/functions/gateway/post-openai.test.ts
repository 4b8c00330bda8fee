import { describe, expect, it } from 'vitest'
import type { HttpCall } from '../../../../functions/core/http/call.ts'
import { postOpenAi } from '../../../../functions/gateway/post-openai.ts'
import { failing } from '../../../support/failing.ts'
import { aCaller, TEXT_QUEUE, usedBy } from '../../../support/gateway.ts'
import { type MemoryPorts, memoryPorts } from '../../../support/ports.ts'

const abilities = { text: { passes: true, names: [], embeddings: false } }
const NOTHING = { requests: 0, tokens: 0, open: 0 }

const postOf = (caller = aCaller(), headers: Record<string, string> = {}): HttpCall => ({
  route: 'POST /v1/chat/completions',
  path: '/v1/chat/completions',
  headers,
  query: {},
  parameters: {},
  caller: () => caller,
  body: () => JSON.stringify({ model: 'text', messages: [{ role: 'user', content: 'hello' }] }),
  // The invocation ends in 2 s, so a wait for the answer would have no time.
  remainingMs: () => 2_000,
})

/** A gateway, and the number of wait leases that it takes and releases. */
function aGateway(limits = { per_user: 10, total: 50 }) {
  const memory = memoryPorts()
  const leases = { taken: 0, released: 0 }
  const ports = {
    ...memory,
    abilities,
    waiting: {
      limits,
      leases: {
        acquire: (...args: Parameters<MemoryPorts['waiting']['leases']['acquire']>) => {
          leases.taken += 1
          return memory.waiting.leases.acquire(...args)
        },
        release: (...args: Parameters<MemoryPorts['waiting']['leases']['release']>) => {
          leases.released += 1
          return memory.waiting.leases.release(...args)
        },
      },
    },
  }
  return { ports, leases, chat: (call: HttpCall) => postOpenAi('chat.completions')(ports, call) }
}

const NO_ROOM = { per_user: 0, total: 0 }

describe('POST /v1/chat/completions, whose answer takes some time', () => {
  it('takes one wait lease (one of a limited number of places for calls that wait), and releases it', async () => {
    const { chat, leases } = aGateway()

    await expect(chat(postOf())).rejects.toMatchObject({ code: 'still_running' })

    expect(leases).toEqual({ taken: 1, released: 1 })
  })

  it('holds no wait lease if the quota refuses the chat', async () => {
    const { chat, leases, ports } = aGateway()
    const caller = aCaller({ requests: 0 })

    await expect(chat(postOf(caller))).rejects.toMatchObject({ code: 'quota_exceeded' })

    expect(leases).toEqual({ taken: 0, released: 0 })
    expect(await usedBy(ports, caller.user_id)).toEqual(NOTHING)
  })

  it.each([{ headers: {} }, { headers: { 'idempotency-key': 'k' } }])(
    'a chat that is refused because too many calls wait leaves no item, no message and no reservation (I6), with the headers $headers',
    async ({ headers }) => {
      const { chat, ports } = aGateway(NO_ROOM)
      const caller = aCaller()

      await expect(chat(postOf(caller, headers))).rejects.toMatchObject({ code: 'too_many_waits' })

      expect(await usedBy(ports, caller.user_id)).toEqual(NOTHING)
      expect((await ports.items.list(caller.user_id, 10)).items).toEqual([])
      expect(ports.queue.sent(TEXT_QUEUE)).toEqual([])
    },
  )

  it('a chat is refused because too many calls wait, even if its reservation can’t be released, since the sweeper releases it later', async () => {
    const { ports } = aGateway(NO_ROOM)
    const caller = aCaller()
    const broken = { ...ports, quota: failing(ports.quota, 'close', 'before') }

    await expect(postOpenAi('chat.completions')(broken, postOf(caller))).rejects.toMatchObject({
      code: 'too_many_waits',
    })

    expect(await usedBy(ports, caller.user_id)).toMatchObject({ open: 1 })
    expect(ports.logger.warn).toHaveBeenCalledOnce()
  })
})
