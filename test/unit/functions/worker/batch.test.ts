import { describe, expect, it } from 'vitest'
import type { InferenceMessage } from '../../../../functions/core/domain/messages.ts'
import type { WorkerPorts } from '../../../../functions/worker/ports.ts'
import { aBatchWorker, calls, echo, tokens } from '../../../support/batch-worker.ts'
import { NOW } from '../../../support/clock.ts'
import { failing } from '../../../support/failing.ts'
import { aMessage } from '../../../support/requests.ts'
import { oneCallAtATime } from '../../../support/worker.ts'

describe('a worker with batches', () => {
  it('makes one call for all messages of an invocation, in their order, without an idempotency key', async () => {
    const { asked, invoke, messagesOf } = aBatchWorker()

    await invoke(await messagesOf(['a', 'bb', 'ccc']))

    expect(asked).toEqual([
      {
        requestId: undefined,
        body: {
          inputs: [
            { input: 'a', attempt: 1 },
            { input: 'bb', attempt: 1 },
            { input: 'ccc', attempt: 1 },
          ],
        },
        at: NOW,
      },
    ])
  })

  it('gives each request its own output and usage', async () => {
    const { outcomes, invoke, messagesOf } = aBatchWorker()
    const messages = await messagesOf(['a', 'bb', 'ccc'])

    expect(await invoke(messages)).toEqual([])

    expect(outcomes()).toMatchObject(
      messages.map(({ request_id }, i) => ({
        request_id,
        status: 'completed',
        result: { inline: ['a', 'bb', 'ccc'][i] },
        usage: tokens(i + 1),
      })),
    )
  })

  it('sends a single request as a batch of one request', async () => {
    const { asked, invoke, messagesOf } = aBatchWorker()

    await invoke(await messagesOf(['a']))

    expect(calls(asked)).toEqual([['a']])
  })

  it('makes no call with more requests than its messages allow by the hint `at_most`, which they get after a failed batch', async () => {
    const { ports, asked, invoke, messagesOf } = aBatchWorker()

    await invoke(
      [...(await messagesOf(['a', 'b', 'c'], { at_most: 2 })), ...(await messagesOf(['d', 'e']))],
      oneCallAtATime(ports),
    )

    expect(calls(asked)).toEqual([['a', 'b'], ['c'], ['d', 'e']])
  })

  it('sends a message to its queue again if earlier calls of the invocation have left no time for its call', async () => {
    const { ports, asked, invoke, messagesOf, deferred } = aBatchWorker()
    const endpoint: WorkerPorts['endpoint'] = {
      ...ports.endpoint,
      call: (id, body) => {
        ports.advance(20_001)
        return ports.endpoint.call(id, body)
      },
    }

    await invoke(await messagesOf(['a', 'b'], { at_most: 1 }), { ...ports, endpoint })

    expect(calls(asked)).toEqual([['a']])
    expect(deferred()).toMatchObject([{ delay_seconds: 0 }])
  })
})

describe('a worker with batches: one request of a batch', () => {
  it('fails alone if the model refuses it', async () => {
    const { asked, invoke, messagesOf, byStatus } = aBatchWorker(prompts => ({
      ok: true,
      answer: { outputs: prompts.map(prompt => (prompt === 'bad' ? { error: 'no' } : { result: prompt })) },
    }))

    await invoke(await messagesOf(['a', 'bad', 'c']))

    expect(asked).toHaveLength(1)
    expect(byStatus('completed')).toHaveLength(2)
    expect(byStatus('failed')).toMatchObject([
      { prompt: { inline: 'bad' }, reached: true, error: { code: 'model_rejected' } },
    ])
  })

  it('one request of a batch fails alone if its output can’t be mapped', async () => {
    const { invoke, messagesOf, byStatus } = aBatchWorker(prompts => ({
      ok: true,
      answer: { outputs: prompts.map(prompt => (prompt === 'bad' ? { usage: -1 } : { result: prompt })) },
    }))

    await invoke(await messagesOf(['a', 'bad', 'c']))

    expect(byStatus('completed')).toHaveLength(2)
    expect(byStatus('failed')).toMatchObject([
      { prompt: { inline: 'bad' }, reached: true, error: { code: 'invalid_model_response' } },
    ])
  })

  it('a request of a batch that can’t be mapped is not sent to the model, and fails without a charge', async () => {
    const { ports, asked, invoke, messagesOf, byStatus } = aBatchWorker()
    const request: WorkerPorts['mappings']['request'] = of =>
      of.body.prompt === 'bad' ? (ports.mappings.response(null) as Promise<never>) : ports.mappings.request(of)

    await invoke(await messagesOf(['a', 'bad', 'c']), { ...ports, mappings: { ...ports.mappings, request } })

    expect(calls(asked)).toEqual([['a', 'c']])
    expect(byStatus('completed')).toHaveLength(2)
    expect(byStatus('failed')).toMatchObject([{ reached: false, error: { code: 'mapping_failed' } }])
  })

  it('a request of a batch is not sent to the model if its claim is refused', async () => {
    const { asked, create, invoke, messagesOf, deferred, byStatus } = aBatchWorker()
    const others = await messagesOf(['a', 'c'])
    const ended = aMessage(await create({ status: 'cancelled' }), { prompt: 'ended' })
    const leased = aMessage(await create({ status: 'running', attempt: 1, lease_until: NOW + 9_000 }), { prompt: 'x' })

    expect(await invoke([ended, ...others, leased])).toEqual([])

    expect(calls(asked)).toEqual([['a', 'c']])
    expect(deferred()).toMatchObject([{ body: { request_id: leased.request_id }, delay_seconds: 9 }])
    expect(byStatus('completed')).toHaveLength(2)
  })

  it('a request of a batch whose earlier worker has crashed is deferred to run isolated (alone in its environment), and the others run', async () => {
    const { asked, create, invoke, messagesOf, hintsSent } = aBatchWorker()
    const abandoned = aMessage(await create({ status: 'running', attempt: 1, lease_until: NOW }), { prompt: 'x' })

    await invoke([...(await messagesOf(['a', 'b'])), abandoned])

    expect(calls(asked)).toEqual([['a', 'b']])
    expect(hintsSent()).toEqual([{ alone: true }])
  })

  it.each(['claim', 'get'] as const)(
    'a request of a batch is redelivered, and the others run, if its %s fails (get: the read of its stored body)',
    async what => {
      const { ports, asked, create, invoke, messagesOf } = aBatchWorker()
      const unlucky = aMessage(await create(), { prompt: 'b' })
      const messages = [...(await messagesOf(['a'])), unlucky, ...(await messagesOf(['c']))]
      const using: WorkerPorts =
        what === 'claim'
          ? {
              ...ports,
              items: failing(
                ports.items,
                'claim',
                'before',
                message => (message as InferenceMessage).request_id === unlucky.request_id,
              ),
            }
          : { ...ports, payloads: failing(ports.payloads, 'get', 'before') }
      const sent =
        what === 'get' ? messages.map(one => (one === unlucky ? { ...one, body: { key: 'k' } } : one)) : messages

      expect(await invoke(sent, using)).toEqual([1])

      expect(calls(asked)).toEqual([['a', 'c']])
    },
  )

  it('a request of a batch is redelivered if its outcome can’t be published, and the outcomes of the others are published', async () => {
    const { ports, invoke, messagesOf, outcomes } = aBatchWorker()
    const messages = await messagesOf(['a', 'b', 'c'])
    const isUnlucky = (_: unknown, message: unknown) =>
      (message as { body: { request_id: string } }).body.request_id === messages[1]?.request_id

    expect(await invoke(messages, { ...ports, queue: failing(ports.queue, 'send', 'before', isUnlucky) })).toEqual([1])

    expect(outcomes()).toHaveLength(2)
  })

  it.each(['an open circuit', 'a slot that is far ahead'])(
    'if a batch is deferred because of %s and one message can’t be sent, this message is redelivered, and the others are sent once',
    async reason => {
      const { ports, invoke, messagesOf, deferred, aFlowControl } = aBatchWorker(echo, {
        circuit: { failures: 1, within_ms: 60_000, open_ms: 10_000 },
        rate_limit: { count: 1, interval_ms: 10_000 },
      })
      if (reason === 'an open circuit') await aFlowControl().report({ findings: { failures: 1 } })
      else await aFlowControl().permit({ until: NOW })
      const messages = await messagesOf(['a', 'b', 'c'])
      const isUnlucky = (_: unknown, message: unknown) =>
        (message as { body: InferenceMessage }).body.request_id === messages[1]?.request_id

      expect(await invoke(messages, { ...ports, queue: failing(ports.queue, 'send', 'before', isUnlucky) })).toEqual([
        1,
      ])

      expect(deferred()).toHaveLength(2)
    },
  )
})
